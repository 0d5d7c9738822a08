"""Run Home Assistant with the integration and a simulated building beside it.

The first start makes config/, which git ignores, with an owner account, some helpers
and the integration set up. Later starts find everything as it was left.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
import json
import os
from pathlib import Path
import re
import shutil
import signal
import socket
import subprocess
import sys
from typing import Any, Final

import aiohttp

type Json = dict[str, Any]
type Process = asyncio.subprocess.Process

ROOT: Final = Path(__file__).parent.parent
CONFIG: Final = ROOT / "config"
TEMPLATE: Final = ROOT / "script" / "develop_config"
INTEGRATION: Final = ROOT / "custom_components" / "bacnet"

HOST: Final = "127.0.0.1"
USERNAME: Final = "owner"
PASSWORD: Final = "bacnet"

RESTART_EXIT_CODE: Final = 100
SIMULATOR_START_TIMEOUT: Final = 30
STOP_TIMEOUT: Final = 30

# No wheels for Python 3.14; without them only the voice assistants are missing.
COMPILED_PACKAGES: Final = ("pymicro-vad", "pyspeex-noise")


class DevelopError(Exception):
    """Something the developer has to know."""


def say(text: str) -> None:
    """Print without delay, also into a pipe."""
    print(text, flush=True)


# --- The integration's config flow ---------------------------------------------------


def offered(form: Json, field: str) -> list[str]:
    """Return every value that a select field of the form offers."""
    [select] = [
        f["selector"]["select"] for f in form["data_schema"] if f["name"] == field
    ]
    return [o["value"] if isinstance(o, dict) else o for o in select["options"]]


# What is answered to each step, given the form that the step shows.
BACNET_FLOW: Final[dict[str, Callable[[Json], Json]]] = {
    "user": lambda form: {
        "interface": "127.0.0.1/8",
        "port": 47808,
        "instance": 8888,
        "name": "Home Assistant",
    },
    "devices": lambda form: {"devices": offered(form, "devices")},
    "nothing_found": lambda form: {},
}


async def configure_bacnet(client: Client) -> None:
    """Set up the integration as a user does: through its config flow."""
    flows = "/api/config/config_entries/flow"
    result = await client.request("POST", flows, {"handler": "bacnet"})
    while result["type"] != "create_entry":
        flow = f"{flows}/{result.get('flow_id')}"
        if result["type"] in ("progress", "progress_done"):
            await asyncio.sleep(0.2)
            result = await client.request("GET", flow)
        elif result.get("errors") or result["type"] == "abort":
            raise DevelopError(result.get("errors") or result["reason"])
        elif answer := BACNET_FLOW.get(result["step_id"]):
            result = await client.request("POST", flow, answer(result))
        else:
            raise DevelopError(f"no answer to its step {result['step_id']}")


# --- Home Assistant's packages and configuration -------------------------------------


def requirements() -> list[str]:
    """Return what Home Assistant would install by itself while it starts."""
    # Slow to import, and needed only when something changed.
    from homeassistant import components  # noqa: PLC0415
    from homeassistant.bootstrap import DEFAULT_INTEGRATIONS  # noqa: PLC0415

    configuration = (TEMPLATE / "configuration.yaml").read_text(encoding="utf-8")
    domains = DEFAULT_INTEGRATIONS | set(re.findall(r"(?m)^(\w+):", configuration))
    # http prefers isal; analytics imports hassio without depending on it.
    domains |= {"hassio", "isal"}
    found: set[str] = set()
    seen: set[str] = set()
    while domains:
        seen.add(domain := domains.pop())
        manifest = Path(components.__file__).parent / domain / "manifest.json"
        if manifest.exists():
            content = json.loads(manifest.read_text(encoding="utf-8"))
            found.update(content.get("requirements", []))
            domains.update(set(content.get("dependencies", [])) - seen)
    return sorted(found)


def install_requirements() -> None:
    """Install the frontend and the rest of what a real Home Assistant loads."""
    environment = Path(sys.prefix)
    inputs = (environment / ".setup", TEMPLATE / "configuration.yaml", Path(__file__))
    wanted = "".join(path.read_text(encoding="utf-8") for path in inputs)
    stamp = environment / ".develop"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return

    say("Installing what Home Assistant loads when it starts")
    [constraints] = environment.glob("lib/*/*/homeassistant/package_constraints.txt")
    # A Python unpacked below .python/ does not know where its headers are.
    headers = ROOT / ".python" / "usr" / "include"
    environ = {"CPATH": f"{headers}:{headers / 'python3.14'}", **os.environ}

    def install(packages: list[str]) -> bool:
        command = [f"{environment}/bin/uv", "pip", "install", "--quiet"]
        command += ["--python", sys.executable, "--constraint", str(constraints)]
        done = subprocess.run([*command, *packages], check=False, env=environ)
        return done.returncode == 0

    packages = requirements()
    compiled = [p for p in packages if p.startswith(COMPILED_PACKAGES)]
    if not install([p for p in packages if p not in compiled]):
        raise DevelopError("the packages could not be installed")
    if not install(compiled):
        say("Going on without voice assistants: their packages need a C++ compiler")
    stamp.write_text(wanted, encoding="utf-8")


def prepare_config(*, fresh: bool, port: int) -> bool:
    """Complete the config folder; return whether it has no owner yet."""
    if fresh:
        shutil.rmtree(CONFIG, ignore_errors=True)
    for source in TEMPLATE.iterdir():
        if not (target := CONFIG / source.name).exists():
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)

    link = CONFIG / "custom_components" / INTEGRATION.name
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(INTEGRATION)

    # `http:` in YAML would be a trial, taken back after five minutes with a restart.
    # This is the short first form of the store: Home Assistant adds its defaults.
    store("http", 1, {"server_host": [HOST], "server_port": port})
    onboarding = CONFIG / ".storage" / "onboarding"
    if onboarding.exists() and "user" in onboarding.read_text(encoding="utf-8"):
        return False
    # The steps besides "user": they would want the location, and contact the Internet.
    store("onboarding", 4, {"done": ["analytics", "core_config", "integration"]})
    return True


def store(key: str, version: int, data: Json) -> None:
    """Write one of Home Assistant's own stores, before it runs."""
    path = CONFIG / ".storage" / key
    path.parent.mkdir(exist_ok=True)
    content = {"version": version, "key": key, "data": data}
    path.write_text(json.dumps(content), encoding="utf-8")


# --- Home Assistant over HTTP --------------------------------------------------------


class Client:
    """The owner's connection to Home Assistant."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Use a session for the Home Assistant at this URL."""
        self._session = session
        self._url = url
        self._token = ""

    async def request(
        self, method: str, path: str, body: Json | None = None, form: Json | None = None
    ) -> Any:
        """Make one request and return what the answer holds."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else None
        async with self._session.request(
            method, self._url + path, json=body, data=form, headers=headers
        ) as response:
            if response.status >= 400:
                raise DevelopError(f"{path}: {response.status} {await response.text()}")
            return await response.json()

    async def is_up(self) -> bool:
        """Return whether Home Assistant answers."""
        try:
            async with self._session.get(f"{self._url}/manifest.json") as response:
                return response.ok
        except aiohttp.ClientError:
            return False

    async def sign_up(self) -> None:
        """Create the owner account and log in with it."""
        app = {"client_id": f"{self._url}/"}
        user = {"name": "Owner", "username": USERNAME, "password": PASSWORD}
        code = await self.request(
            "POST", "/api/onboarding/users", {**app, **user, "language": "en"}
        )
        grant = {"grant_type": "authorization_code", "code": code["auth_code"]}
        token = await self.request("POST", "/auth/token", form={**app, **grant})
        self._token = token["access_token"]


# --- Processes -----------------------------------------------------------------------


@asynccontextmanager
async def running(*arguments: str, stdout: int | None = None) -> AsyncIterator[Process]:
    """Run a Python module until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=asyncio.subprocess.STDOUT if stdout else None,
        # Ctrl-C reaches only this process, which then ends the others in order.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                say(f"{arguments[0]} did not end by itself")
            finally:
                if process.returncode is None:
                    process.kill()


@asynccontextmanager
async def simulated_building() -> AsyncIterator[None]:
    """Run the simulator, and show what it prints."""
    async with running("tests.simulator", stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = asyncio.Event()

        async def show(lines: asyncio.StreamReader) -> None:
            async for line in lines:
                say(f"[simulator] {line.decode().rstrip()}")
                if b"ready" in line.lower():
                    ready.set()
            ready.set()
            say("[simulator] ended")

        show_task = asyncio.create_task(show(process.stdout))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(SIMULATOR_START_TIMEOUT):
                    await ready.wait()
            if not ready.is_set():
                raise DevelopError("the simulator does not get ready")
            yield
        finally:
            show_task.cancel()


async def welcome(process: Process, client: Client, url: str, *, first: bool) -> None:
    """Wait for Home Assistant; set it up if this is its first start."""
    while not await client.is_up():
        if process.returncode is not None:
            return
        await asyncio.sleep(0.1)
    try:
        if first:
            await client.sign_up()
            while (await client.request("GET", "/api/config"))["state"] != "RUNNING":
                await asyncio.sleep(0.1)
            await configure_bacnet(client)
    except (DevelopError, aiohttp.ClientError) as err:
        say(f"\nBACnet is not set up, add it by hand or start with --fresh: {err}")
    say(f"\n  Home Assistant  {url}\n  Username        {USERNAME}")
    say(f"  Password        {PASSWORD}\n  To stop         Ctrl-C\n")


# --- The command ---------------------------------------------------------------------


async def run(options: argparse.Namespace) -> int:
    """Run everything until Home Assistant ends or this process is told to."""
    loop = asyncio.get_running_loop()
    if task := asyncio.current_task():
        # asyncio.run does the same for SIGINT.
        loop.add_signal_handler(signal.SIGHUP, task.cancel)
        loop.add_signal_handler(signal.SIGTERM, task.cancel)

    first = prepare_config(fresh=options.fresh, port=options.port)
    url = f"http://{HOST}:{options.port}"
    async with AsyncExitStack() as stack:
        client = Client(await stack.enter_async_context(aiohttp.ClientSession()), url)
        if options.simulator:
            await stack.enter_async_context(simulated_building())
        while True:
            async with running(
                "homeassistant", "--skip-pip", "--config", str(CONFIG)
            ) as hass:
                await welcome(hass, client, url, first=first)
                code = await hass.wait()
            if code != RESTART_EXIT_CODE:
                return code
            first = False


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="script/develop", description=__doc__)
    parser.add_argument(
        "--fresh", action="store_true", help="forget config/ and start anew"
    )
    parser.add_argument(
        "--no-simulator",
        dest="simulator",
        action="store_false",
        help="without the building",
    )
    parser.add_argument("--port", type=int, default=8123, help="of the web interface")
    options = parser.parse_args()
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, options.port))
    except OSError as err:
        parser.error(
            f"port {options.port} cannot be used, choose another: {err.strerror}"
        )
    try:
        install_requirements()
        return asyncio.run(run(options))
    except DevelopError as err:
        say(f"script/develop: {err}")
        return 1
    except KeyboardInterrupt, asyncio.CancelledError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
