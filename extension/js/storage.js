// The storage of the extension: the connection, the last lists, pins, and requests without a response.
const storage = chrome.storage.local;

// The items of a connection. Pins and recent links stay, because they are only ids.
export const CONNECTION_ITEMS = ["connection", "links", "made", "position", "unanswered", "pairing", "notice"];

export async function readItem(name, fallback = null) {
  return (await storage.get(name))[name] ?? fallback;
}

export async function writeItem(name, value) {
  await storage.set({ [name]: value });
}

export async function removeItems(...names) {
  await storage.remove(names);
}

// Makes the new value from the old one. A lock keeps popup and worker from changing the same item at once.
export function updateItem(name, fallback, makeValue) {
  return navigator.locks.request(`kept ${name}`, async () => {
    const value = makeValue(await readItem(name, fallback));
    await writeItem(name, value);
    return value;
  });
}

// Hides the storage from scripts that run in web pages.
export function restrictAccess() {
  return storage.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" });
}
