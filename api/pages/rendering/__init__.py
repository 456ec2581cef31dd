"""What all pages share: templates, forms, URLs, navigation, flash messages."""
