"""Pages of Link Management: all links, managed links, their wizard and editing."""
