"""The web process: gunicorn around the application, one process with many threads, since live pages hold one each.

The application is made in the child that serves: its parent only watches it, and stays small.
"""

from typing import Any

from gunicorn.app.base import BaseApplication

from portal.config import Config


class Web(BaseApplication):  # type: ignore[misc]
    """Gunicorn, told everything by the configuration; it reads no file and no environment of its own."""

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"{self._config.host}:{self._config.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._config.threads,
            "graceful_timeout": 2,  # seconds; streams resume by themselves
            "timeout": 60,
            "keepalive": 5,
            "proc_name": "fullcycle-web",
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        from portal import wiring
        from portal.app import create_app, settle
        from portal.pages.oncall import warm

        services = wiring.wire(self._config)
        app = create_app(services)
        warm(services)
        settle(app)
        return app


def run(config: Config) -> None:
    """Serve until told to stop."""
    Web(config).run()
