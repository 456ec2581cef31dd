"""What opens links before people do: mail scanners, chat previews, search engines, browsers that load ahead."""

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

SCANNERS: dict[str, dict[str, str]] = {
    "Microsoft Safe Links": {"User-Agent": CHROME, "Accept": HTML, "Accept-Language": "en-US"},
    "Microsoft Office preview": {"User-Agent": "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0)"},
    "Teams": {"User-Agent": "SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com"},
    "Proofpoint": {"User-Agent": CHROME, "Accept": "*/*", "Range": "bytes=0-65535"},
    "Mimecast": {"User-Agent": "Mozilla/5.0 (compatible; Mimecast URL Protect)", "Accept": HTML},
    "Barracuda": {"User-Agent": "BarracudaCentral/1.0 (link protect)", "Connection": "close"},
    "Cisco": {"User-Agent": "Mozilla/5.0 (compatible; Cisco Secure Email)", "Accept": "*/*", "TE": "trailers"},
    "Symantec": {"User-Agent": "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)", "Pragma": "no-cache"},
    "Google's image proxy": {"User-Agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", "Accept": "image/*"},
    "Googlebot": {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
    "Bingbot": {"User-Agent": "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"},
    "Slack": {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Range": "bytes=0-32768"},
    "Twitter": {"User-Agent": "Twitterbot/1.0", "Accept-Encoding": "gzip, deflate"},
    "Facebook": {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
    "LinkedIn": {"User-Agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)"},
    "Discord": {"User-Agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
    "WhatsApp": {"User-Agent": "WhatsApp/2.23.20.0", "X-Purpose": "preview"},
    "Telegram": {"User-Agent": "TelegramBot (like TwitterBot)"},
    "a browser that loads ahead": {"User-Agent": CHROME, "Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"},
    "curl": {"User-Agent": "curl/7.88.1", "Accept": "*/*"},
    "htmx": {"User-Agent": CHROME, "HX-Request": "true", "HX-Boosted": "true", "Accept": "text/html"},
    "a script": {"User-Agent": "python-requests/2.32", "Content-Type": "application/x-www-form-urlencoded"},
}
