// Errors of the JSON API, shown at the fields of a form as the server renders them: a text, aria-invalid, and the focus.

// Shows each error at its field. Returns the messages of those that have no field in the form.
export function showFieldErrors(form, errors) {
  clearFieldErrors(form);
  const otherMessages = [];
  for (const { field, message } of errors) {
    const control = form.elements[field.split(".").findLast((part) => !/^\d+$/.test(part))];
    if (control instanceof HTMLElement && control.type !== "hidden") showFieldError(control, message);
    else otherMessages.push(message);
  }
  form.querySelector("[aria-invalid=true]")?.focus();
  return otherMessages;
}

// Shows an error at a control; a second one of the same control is left out.
export function showFieldError(control, message) {
  if (control.getAttribute("aria-invalid") === "true") return;
  const text = document.createElement("p");
  text.className = "field-error";
  text.id = `${control.id}-error`;
  text.dataset.fieldError = control.getAttribute("aria-describedby") ?? "";
  text.textContent = message;
  control.after(text);
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-describedby", `${text.id} ${text.dataset.fieldError}`.trim());
}

export function clearFieldErrors(form) {
  for (const text of form.querySelectorAll("[data-field-error]")) {
    const control = form.querySelector(`[aria-describedby~="${text.id}"]`);
    control?.removeAttribute("aria-invalid");
    if (text.dataset.fieldError) control?.setAttribute("aria-describedby", text.dataset.fieldError);
    else control?.removeAttribute("aria-describedby");
    text.remove();
  }
}
