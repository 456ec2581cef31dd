"""Pages of links: lists, the wizard, details, editing, disabling and deleting."""
