"""The official jars of Apache Kafka: resolved by Maven, pinned by name and checksum, kept outside the tree."""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from domain.errors import LedgerdeskError

HERE = Path(__file__).parent
POM, PINS = HERE / "pom.xml", HERE / "jars.sha256"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
RESOLVED_WITHIN = 600.0


class NoKafka(LedgerdeskError):
    """A broker of our own cannot be had here."""

    code = "no_kafka"
    sentence = (
        "Apache Kafka cannot be run here: {reason}. Install Java 17 or newer and Maven (Debian, Ubuntu: apt-get install "
        "openjdk-17-jre-headless maven), or name a broker of your own with KAFKA_BOOTSTRAP_SERVERS."
    )
    misuse = True


def jars() -> Path:
    """The folder of the pinned jars, fetched the first time; NoKafka where they cannot be had or are not what was pinned."""
    folder = _folder()
    with _alone(folder):
        if not folder.exists():
            _fetch(folder, pinned())
    return folder


def lacking() -> str | None:
    """Why there can be no broker here; None where there can."""
    try:
        program("java")
        if not _folder().exists():
            program("mvn")
    except NoKafka as error:
        return str(error)
    return None


def pinned() -> Mapping[str, str]:
    """File names to checksums, as `sha256sum` writes them."""
    lines = (line.split() for line in PINS.read_text().splitlines())
    return {name: checksum for checksum, name in lines}


def found(folder: Path) -> Mapping[str, str]:
    """The same of the files that there are."""
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in sorted(folder.glob("*"))}


def program(name: str) -> str:
    """The path of a program; NoKafka where it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise NoKafka(reason=f"there is no program «{name}»")
    return path


def _fetch(folder: Path, pins: Mapping[str, str]) -> None:
    # Under another name until every file is what was pinned: what is there later need not be read again.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as draft:
        libraries = Path(draft) / "jars"
        _resolve(libraries)
        if found(libraries) != pins:
            raise NoKafka(reason="what Maven brought is not what was pinned in cli/broker/jars.sha256")
        libraries.rename(folder)


def _resolve(folder: Path) -> None:
    options = [
        "-B",
        "-q",
        "-ntp",
        "-Dstyle.color=never",
        "-f",
        str(POM),
        "-DincludeScope=runtime",
        f"-DoutputDirectory={folder}",
    ]
    try:
        done = subprocess.run(
            [program("mvn"), *options, COPY], capture_output=True, text=True, timeout=RESOLVED_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoKafka(reason="Maven did not bring the jars within ten minutes") from None
    if done.returncode != 0:
        raise NoKafka(reason=f"Maven could not bring the jars ({_first_line(done.stdout)})")


def _first_line(text: str) -> str:
    return next(
        (line.removeprefix("[ERROR] ").rstrip(". ") for line in text.splitlines() if line), "it did not say why"
    )


def _folder() -> Path:
    cache = Path(platformdirs.user_cache_dir("ledgerdesk", appauthor=False))
    cache.mkdir(parents=True, exist_ok=True)
    # Other pins, another folder.
    return cache / f"kafka-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with folder.with_suffix(".gate").open("a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def pin() -> None:
    """Write down the checksums of what the pom asks for now; look at the difference before you commit it."""
    with tempfile.TemporaryDirectory() as draft:
        _resolve(Path(draft))
        PINS.write_text("".join(f"{checksum}  {name}\n" for name, checksum in found(Path(draft)).items()))


if __name__ == "__main__":
    pin()
