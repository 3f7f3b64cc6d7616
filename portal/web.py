"""The web process: gunicorn around the application, one process with many threads, since live pages hold one each."""

from typing import Any

from gunicorn.app.base import BaseApplication

from portal.app import create_app
from portal.services import Services


class Web(BaseApplication):  # type: ignore[misc]
    """Gunicorn, told everything by the configuration; it reads no file and no environment of its own."""

    def __init__(self, services: Services) -> None:
        self._services = services
        super().__init__()

    def load_config(self) -> None:
        config = self._services.config
        settings: dict[str, Any] = {
            "bind": f"{config.host}:{config.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": config.threads,
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
        return create_app(self._services)


def run(services: Services) -> None:
    """Serve until told to stop."""
    services.database.close()  # connections are not to be shared with the forked process
    Web(services).run()
