// What this browser keeps between two openings: the connection, the last lists, pins, and what was never answered.
const store = chrome.storage.local;

export async function get(name, otherwise = null) {
  return (await store.get(name))[name] ?? otherwise;
}

export async function set(name, value) {
  await store.set({ [name]: value });
}

export async function remove(...names) {
  await store.remove(names);
}

// One change at a time, also among popup and worker: the new value is made of the old one.
export function change(name, otherwise, make) {
  return navigator.locks.request(`kept ${name}`, async () => {
    const made = make(await get(name, otherwise));
    await set(name, made);
    return made;
  });
}

// Nobody but our own pages reads it: not the scripts that run inside of web pages.
export function shield() {
  return store.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" });
}

// Everything that belongs to a connection. Pins and what was used last stay: they are only ids.
export const OF_CONNECTION = ["connection", "links", "made", "position", "unanswered", "pairing", "notice"];
