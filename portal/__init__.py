"""The doors: browser, JSON, terminal; and the two processes, web and worker."""
