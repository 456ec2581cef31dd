// Cookies that the server reads too. Under https it names them `__Host-…` and asks for Secure; the page has the prefix.
export function setCookie(name, value, maxAgeSeconds) {
  const prefix = document.documentElement.dataset.cookiePrefix ?? "";
  const secure = prefix ? "; secure" : "";
  document.cookie = `${prefix}${name}=${value}; path=/; samesite=lax; max-age=${maxAgeSeconds}${secure}`;
}
