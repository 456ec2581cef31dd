"""Who somebody is, as a provider of identities outside of Oncelink says."""
