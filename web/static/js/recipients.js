// Parses a list of recipients (CSV, pasted from a spreadsheet, or typed), and writes a CSV file of their links.
const MAX_RECIPIENTS = 1000;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

// Returns {recipients} with one recipient for each line that is not empty, or {error} with the number of the line.
export function parseRecipients(text) {
  const rows = parseCsv(text).filter((row) => row.cells.some(Boolean));
  const firstRow = rows[0]?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const header = firstRow.includes("name") || firstRow.includes("email") ? rows.shift() && firstRow : null;
  const recipients = [];
  for (const { cells, line } of rows) {
    const email = header ? cells[header.indexOf("email")] : cells.find((cell) => cell.includes("@"));
    const name = header ? cells[header.indexOf("name")] : cells.find((cell) => cell && cell !== email);
    if (email && !EMAIL.test(email)) return { error: `Line ${line}: “${email}” is not an e-mail address.` };
    if (name?.length > 200) return { error: `Line ${line}: the name is longer than 200 characters.` };
    recipients.push({ ...(name && { name }), ...(email && { email }) });
  }
  if (!recipients.length) return { error: "Give at least one name, one a line." };
  if (recipients.length > MAX_RECIPIENTS) return { error: `These are ${recipients.length} names; at most ${MAX_RECIPIENTS} go at once.` };
  return { recipients };
}

// Rows of cells with the number of their line. Quotes as in RFC 4180; separators are comma, semicolon and tab.
function parseCsv(text) {
  const rows = [{ cells: [""], line: 1 }];
  let isQuoted = false;
  let line = 1;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    const cells = rows.at(-1).cells;
    if (character === "\n") line++;
    if (isQuoted && character === '"' && text[index + 1] === '"') cells[cells.length - 1] += text[++index];
    else if (character === '"' && (isQuoted || cells.at(-1).trim() === "")) isQuoted = !isQuoted;
    else if (!isQuoted && ",;\t".includes(character)) cells.push("");
    else if (!isQuoted && character === "\n") rows.push({ cells: [""], line });
    else if (character !== "\r" && character !== "\ufeff") cells[cells.length - 1] += character;
  }
  return rows.map((row) => ({ ...row, cells: row.cells.map((cell) => cell.replace(/\s+/g, " ").trim()) }));
}

export function formatCsv(links) {
  const rows = links.map((link) => [link.recipient?.name, link.recipient?.email, link.label, link.url, link.expires_at]);
  return [["name", "email", "label", "link", "expires_at"], ...rows].map((row) => row.map(formatCell).join(",")).join("\r\n") + "\r\n";
}

// An apostrophe in front keeps a spreadsheet from running the cell as a formula.
function formatCell(value) {
  const text = String(value ?? "");
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function downloadCsv(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
