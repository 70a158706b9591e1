"""The notify stage: tells people what became of an import; never decides anything about it."""
