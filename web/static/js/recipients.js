// A list of recipients in, as people have it (CSV, from a spreadsheet or typed), and a CSV of their links out.
const MOST = 1000;
const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

// {recipients, error}: one recipient for each line that says something; the error names the line.
export function readRecipients(text) {
  const rows = readCsv(text).filter((row) => row.cells.some(Boolean));
  const first = rows[0]?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const titles = first.includes("name") || first.includes("email") ? rows.shift() && first : null;
  const recipients = [];
  for (const { cells, line } of rows) {
    const email = titles ? cells[titles.indexOf("email")] : cells.find((cell) => cell.includes("@"));
    const name = titles ? cells[titles.indexOf("name")] : cells.find((cell) => cell && cell !== email);
    if (email && !ADDRESS.test(email)) return { error: `Line ${line}: “${email}” is not an e-mail address.` };
    if (name?.length > 200) return { error: `Line ${line}: the name is longer than 200 characters.` };
    recipients.push({ ...(name && { name }), ...(email && { email }) });
  }
  if (!recipients.length) return { error: "Give at least one name, one a line." };
  if (recipients.length > MOST) return { error: `These are ${recipients.length} names; at most ${MOST} go at once.` };
  return { recipients };
}

// Rows of cells, quotes as in RFC 4180; separated by comma, semicolon or tab.
function readCsv(text) {
  const rows = [{ cells: [""], line: 1 }];
  let quoted = false;
  let line = 1;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    const cells = rows.at(-1).cells;
    if (letter === "\n") line++;
    if (quoted && letter === '"' && text[at + 1] === '"') cells[cells.length - 1] += text[++at];
    else if (letter === '"' && (quoted || cells.at(-1).trim() === "")) quoted = !quoted;
    else if (!quoted && ",;\t".includes(letter)) cells.push("");
    else if (!quoted && letter === "\n") rows.push({ cells: [""], line });
    else if (letter !== "\r" && letter !== "\ufeff") cells[cells.length - 1] += letter;
  }
  return rows.map((row) => ({ ...row, cells: row.cells.map((cell) => cell.replace(/\s+/g, " ").trim()) }));
}

export function asCsv(issued) {
  const rows = issued.map((one) => [one.recipient?.name, one.recipient?.email, one.label, one.url, one.expires_at]);
  return [["name", "email", "label", "link", "expires_at"], ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

// A cell that a spreadsheet would run as a formula begins with an apostrophe instead.
function cell(value) {
  const text = String(value ?? "");
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
