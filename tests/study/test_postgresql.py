"""Optuna's copy in PostgreSQL: the same as the store's files say, whatever happens to the server."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
import yaml
from postgres_server import PASSWORD, Server, running
from small_studies import ABLATION, Recorder, answers, conditions, make_study
from workplace import answer, make_images, run

from vggsearch.errors import StoreError
from vggsearch.store import Store
from vggsearch.study import Session, StudyResults
from vggsearch.study.control import events
from vggsearch.study.results import read_results
from vggsearch.study.run import run_study
from vggsearch.study.search import optuna_copy
from vggsearch.study.search.postgresql import MAX_URL, parse_storage, store_token
from vggsearch.testing.fake import FakeExecutor

SETTINGS = {
    "sampler": "tpe",
    "trials": 4,
    "baseline": False,
    "finalists": {"count": 1, "seeds": 2},
    "seed": 3,
}
"""Six runs."""

DEMO = {
    "kind": "search",
    "data": {"name": "folder:images"},
    "space": {"num_blocks": [1, 2], "convs_per_block": [1], "ratio": [32], "kernel_size": [3]},
    "recipe": {"base": "fast", "batch_size": 16},
    "budget": {"steps": 1},
    "sampler": "random",
    "trials": 2,
    "objectives": ["val_accuracy", "macs"],
    "reference": {"val_accuracy": 0.1, "macs": 1.0e8},
}


Copy = list[tuple[object, ...]]
"""What a database holds of a study."""


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def url(postgres: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """Of an empty database."""
    name = f"t{abs(hash(request.node.name))}"
    postgres.sql(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without a server."""
    folder = tmp_path_factory.mktemp("alone")
    conduct(folder, None)
    return folder


@pytest.fixture(scope="module")
def undisturbed(alone: Path) -> StudyResults:
    return read_results(Store.open(alone, create=True), make_study(**SETTINGS))


@pytest.fixture(scope="module")
def wanted(alone: Path) -> Copy:
    """What every copy of the study is to hold."""
    return copied(Store.open(alone, create=True).optuna_url)


def conduct(
    folder: Path, url: str | None, observer: events.Observer | None = None, **changes: object
) -> StudyResults:
    """Run or resume the study in the store `folder`."""
    study = make_study(**{**SETTINGS, **changes})
    session = Session(
        Store.open(folder, create=True),
        FakeExecutor(),
        conditions(study),
        observer or events.NullObserver(),
        storage=url,
    )
    return run_study(study, session)


def copied(url: str, name: str = "small") -> Copy:
    """What the database holds of a study, as anyone reads it with Optuna."""
    storage = optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"))
    try:
        return fields(optuna.load_study(study_name=name, storage=storage).trials)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def fields(trials: list[optuna.trial.FrozenTrial]) -> Copy:
    return [
        (trial.number, trial.state.name, trial.values, trial.params, trial.user_attrs) for trial in trials
    ]


def unseen(folder: Path) -> bool:
    """Whether the password stands in no file of the store, in whatever way it is written."""
    ways = [way.encode() for way in (PASSWORD, quote(PASSWORD, safe=""), repr(PASSWORD), PASSWORD[:6])]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return bool(files) and not any(way in path.read_bytes() for path in files for way in ways)


# --- from the command line ---


def test_a_study_from_the_command_line_and_its_copy_made_again(
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_images(tmp_path / "images")
    (tmp_path / "demo.yaml").write_text(yaml.safe_dump(DEMO))
    command = ("run", "demo.yaml", "--workers", "1", "--device", "cpu", "--storage", url)
    out = answer(capsys, *command)
    first = copied(url, "demo")
    assert [state for _, state, *_ in first] == ["COMPLETE"] * 2
    assert not (tmp_path / ".vggsearch" / "optuna.db").exists()

    optuna.delete_study(study_name="demo", storage=url)
    monkeypatch.setattr("vggsearch.study.resources.EXECUTORS", {"local": no_workers})
    again = answer(capsys, *command)
    assert "2/2" in again
    assert copied(url, "demo") == first
    assert PASSWORD[:6] not in out + again
    assert unseen(tmp_path)


def no_workers(*_: object, **__: object) -> FakeExecutor:
    """For commands that leave no run to be made: to start a worker takes seconds."""
    return FakeExecutor()


def test_what_to_type_next_shows_no_password(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vggsearch.study.resources.EXECUTORS", {"local": no_workers})
    monkeypatch.chdir(tmp_path)
    make_images(tmp_path / "images")
    (tmp_path / "demo.yaml").write_text(yaml.safe_dump({**DEMO, "time_limit_s": 1e-6}))
    out = answer(capsys, "run", "demo.yaml", "--workers", "1", "--device", "cpu", "--storage", url)
    shown = str(parse_storage(url))
    assert "***" in shown
    assert f"to continue: vggsearch run demo.yaml --storage '{shown}'" in out
    status, out, err = run(capsys, "run", "demo.yaml", "--storage", shown)
    assert (status, out) == (2, "")
    assert err == (
        "vggsearch: error: --storage: *** stands for a password: "
        "write it, or set PGPASSWORD and leave it out\n"
    )


def test_an_ablation_has_no_part_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ablated.yaml"
    path.write_text(yaml.safe_dump(dict(ABLATION)))
    status, out, err = run(capsys, "run", str(path), "--storage", "postgresql://u:secret@h/d")
    assert (status, out) == (2, "")
    assert err == (f"vggsearch: error: {path}: an ablation has no copy in Optuna: leave --storage out\n")


# --- the copy ---


def test_the_copy_is_what_the_store_would_hold(
    url: str, tmp_path: Path, undisturbed: StudyResults, wanted: Copy
) -> None:
    results = conduct(tmp_path, url)
    assert answers(results) == answers(undisturbed)
    assert len(copied(url)) == 4
    assert copied(url) == wanted
    assert unseen(tmp_path)


def test_a_store_may_change_its_database_at_any_time(
    url: str, tmp_path: Path, undisturbed: StudyResults, wanted: Copy
) -> None:
    conduct(tmp_path, url, trials=1, finalists=None)
    conduct(tmp_path, None, trials=3, finalists=None)
    results = conduct(tmp_path, url)
    assert answers(results) == answers(undisturbed)
    assert copied(url) == wanted


def test_a_lost_copy_is_made_again_with_the_same_front(postgres: Server, url: str, tmp_path: Path) -> None:
    conduct(tmp_path, url)
    before = copied(url)
    name = url.rpartition("/")[2]
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")
    with pytest.raises(StoreError, match=f'database "{name}" does not exist'):
        conduct(tmp_path, url)
    postgres.sql(f"CREATE DATABASE {name}")
    conduct(tmp_path, url)
    assert copied(url) == before


KILLED = """
import os, signal, sys
sys.path[:0] = eval(os.environ["FOLDERS"])
from pathlib import Path
from test_postgresql import conduct
from vggsearch.study.control.events import TrialStarted

class Killer:
    def notify(self, event):
        if isinstance(event, TrialStarted) and event.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)

conduct(Path(sys.argv[1]), os.environ["URL"], Killer())
"""


def test_a_killed_controller_leaves_no_trial_running(
    url: str, tmp_path: Path, undisturbed: StudyResults
) -> None:
    environment = {**os.environ, "URL": url, "FOLDERS": repr(sys.path)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [state for _, state, *_ in copied(url)] == ["COMPLETE"] * 2 + ["RUNNING"]
    assert answers(conduct(tmp_path, url)) == answers(undisturbed)
    assert {state for _, state, *_ in copied(url)} == {"COMPLETE"}
    assert PASSWORD[:6].encode() not in killed.stdout + killed.stderr


def test_another_stores_study_of_that_name_is_not_touched(url: str, tmp_path: Path) -> None:
    conduct(tmp_path / "mine", url)
    before = copied(url)
    with pytest.raises(StoreError) as error:
        conduct(tmp_path / "theirs", url, seed=4)
    assert str(error.value) == (
        f"Optuna's database {parse_storage(url)} holds a study small that is not of this store: "
        "name another database with --storage, or give the study file another name"
    )
    assert copied(url) == before
    conduct(tmp_path / "theirs", None, seed=4)  # nothing was lost by that


def test_a_study_that_somebody_made_with_optuna_is_not_touched(url: str, tmp_path: Path) -> None:
    optuna.create_study(study_name="small", storage=url, direction="minimize").optimize(lambda _: 1.0, 1)
    with pytest.raises(StoreError, match="a study small that is not of this store"):
        conduct(tmp_path, url)
    assert len(copied(url)) == 1


def test_a_study_that_was_made_and_not_yet_marked_is_taken_up(url: str, tmp_path: Path) -> None:
    optuna.create_study(study_name="small", storage=url, directions=["maximize", "minimize"])
    conduct(tmp_path, url)
    assert len(copied(url)) == 4


@pytest.mark.parametrize("harm", [lambda path: path.write_text("{}"), lambda path: path.write_text("")])
def test_a_damaged_token_is_one_line(tmp_path: Path, harm: Callable[[Path], object]) -> None:
    token = store_token(tmp_path / "token.json")
    assert store_token(tmp_path / "token.json") == token
    harm(tmp_path / "token.json")
    with pytest.raises(
        StoreError, match=r"^.*token\.json: .*: delete it, and this store's studies in [^\n]*$"
    ):
        store_token(tmp_path / "token.json")


# --- a server that goes away ---


class Interferes(Recorder):
    """Does something to the server when so many trials have finished."""

    def __init__(self, **at: Callable[[], None]) -> None:
        super().__init__()
        self.at = {int(name.strip("_")): action for name, action in at.items()}
        self.finished = 0

    def notify(self, event: events.Event) -> None:
        super().notify(event)
        if isinstance(event, events.TrialFinished):
            self.finished += 1
            self.at.get(self.finished, lambda: None)()

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, events.Notice)]


def test_a_server_that_was_started_again_between_two_trials_is_not_even_noticed(
    postgres: Server, url: str, tmp_path: Path, wanted: Copy
) -> None:
    def restart() -> None:
        postgres.stop()
        postgres.start()

    observer = Interferes(_3=restart)
    conduct(tmp_path, url, observer)
    assert observer.notices == []
    assert copied(url) == wanted


def test_while_the_server_is_away_the_study_goes_on_and_the_copy_catches_up(
    postgres: Server,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: StudyResults,
    wanted: Copy,
) -> None:
    monkeypatch.setattr(optuna_copy, "RETRY_S", 0.0)
    observer = Interferes(_1=postgres.stop, _3=postgres.start)
    results = conduct(tmp_path, url, observer)
    assert answers(results) == answers(undisturbed)
    away, back = observer.notices
    assert away.startswith(f"Optuna's database {parse_storage(url)} cannot be used (")
    assert away.endswith("; the study continues without it, and the copy is completed when it is back")
    assert back == f"Optuna's database {parse_storage(url)} is back, and up to date"
    assert copied(url) == wanted


def test_a_server_that_is_back_only_at_the_end_is_brought_up_to_date_then(
    postgres: Server, url: str, tmp_path: Path, wanted: Copy
) -> None:
    observer = Interferes(_2=postgres.stop, _6=postgres.start)
    conduct(tmp_path, url, observer)
    assert observer.finished == 6
    assert len(observer.notices) == 1
    assert isinstance(observer.events[-1], events.StudyEnded)
    assert copied(url) == wanted


def test_where_the_server_stays_away_nothing_is_lost_and_the_same_command_makes_up_for_it(
    postgres: Server, url: str, tmp_path: Path, undisturbed: StudyResults, wanted: Copy
) -> None:
    try:
        assert answers(conduct(tmp_path, url, Interferes(_2=postgres.stop))) == answers(undisturbed)
        with pytest.raises(StoreError, match=r"^Optuna's database [^\n]* cannot be used [^\n]*$"):
            conduct(tmp_path, url)
    finally:
        postgres.start()
    conduct(tmp_path, url)
    assert copied(url) == wanted


def test_tables_that_vanish_meanwhile_are_made_again(
    postgres: Server, url: str, tmp_path: Path, wanted: Copy
) -> None:
    def drop() -> None:
        postgres.sql("DROP SCHEMA public CASCADE", url.rpartition("/")[2])
        postgres.sql("CREATE SCHEMA public", url.rpartition("/")[2])

    observer = Interferes(_3=drop)
    conduct(tmp_path, url, observer)
    assert copied(url) == wanted


# --- who is let in ---


def refusal(url: str) -> str:
    with pytest.raises(StoreError) as error:
        parse_storage(url).check()
    text = str(error.value)
    assert "\n" not in text
    assert PASSWORD[:6] not in text
    return text


def test_a_server_that_is_not_there_or_lets_nobody_in_is_one_line_at_once(postgres: Server) -> None:
    remedy = "see that the server runs and has the database, the user and the password that --storage names"
    closed = postgres.url("postgres").replace(str(postgres.port), "1")
    began_s = time.monotonic()
    for url, cause in (
        (closed, "Connection refused"),
        (postgres.url("postgres", password="wrong"), 'password authentication failed for user "lab"'),
        (postgres.url("postgres", password=None), "no password supplied"),
        (postgres.url("absent"), 'database "absent" does not exist'),
    ):
        text = refusal(url)
        assert text.startswith(f"Optuna's database {parse_storage(url)} cannot be used (connection failed: ")
        assert text.endswith(f"{cause}): {remedy}")
    assert time.monotonic() - began_s < 10


def test_a_server_that_never_answers_is_not_waited_for() -> None:
    assert parse_storage("postgresql://h/d").settings["connect_timeout"] == "10"
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        text = refusal(f"postgresql://u:{PASSWORD[:1]}@127.0.0.1:{deaf.getsockname()[1]}/d?connect_timeout=1")
    assert "timeout" in text


def test_the_password_may_be_in_the_environment(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    parse_storage(postgres.url("postgres", password=None)).check()


def test_a_password_that_a_server_repeats_is_masked() -> None:
    database = parse_storage("postgresql://u:s3cret@h/d")
    assert database.masked("no s3cret here") == "no *** here"
    assert "s3cret" not in repr(database) + str(database)


def test_a_missing_driver_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError) as error:
        parse_storage("postgresql://h/d")
    assert str(error.value) == (
        "--storage needs a driver for PostgreSQL, and there is none: pip install 'vggsearch[postgresql]'"
    )


# --- what a URL may say ---


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("postgresql://h/d", {"host": "h", "dbname": "d"}),
        ("postgresql+psycopg://u:x@db.lab.org:5433/d", {"host": "db.lab.org", "port": "5433", "user": "u"}),
        ("postgresql://u@[::1]/my-lab.2", {"host": "::1", "user": "u", "dbname": "my-lab.2"}),
        ("postgresql://a%40b@h/d", {"user": "a@b"}),
        (
            "postgresql://h/d?sslmode=verify-full&connect_timeout=3&application_name=x",
            {"sslmode": "verify-full", "connect_timeout": "3", "application_name": "x"},
        ),
    ],
)
def test_what_is_taken_from_a_url(url: str, settings: dict[str, str]) -> None:
    assert parse_storage(url).settings.items() >= settings.items()


SCHEME = "and this one begins with {}: leave --storage out for SQLite in the store"
HOST = "and this one names no host: "
NAME = "and this one names no database: "
PARAMETER = "--storage: after ? may stand sslmode, connect_timeout, application_name, "
S = "s3cret"

REFUSED = (
    ("sqlite:////tmp/elsewhere.db", SCHEME.format("sqlite://")),
    (f"mysql://u:{S}@h/d", SCHEME.format("mysql://")),
    (f"postgres://u:{S}@h/d", SCHEME.format("postgres://")),
    (f"postgresql+foo://u:{S}@h/d", SCHEME.format("postgresql+foo://")),
    (f"postgresql+psycopg2://u:{S}@h/d", SCHEME.format("postgresql+psycopg2://")),
    (f"POSTGRESQL://u:{S}@h/d", SCHEME.format("something else")),
    ("file:///etc/passwd", SCHEME.format("file://")),
    (f"http://u:{S}@h/d", SCHEME.format("http://")),
    ("redis://h", SCHEME.format("redis://")),
    (f"u:{S}@h/d", SCHEME.format("something else")),
    (f"u:{S}://h/d", SCHEME.format("something else")),
    ("", SCHEME.format("something else")),
    ("://", SCHEME.format("something else")),
    ("postgresql://", HOST),
    ("postgresql:///d", HOST),
    (f"postgresql://u:{S}@/d", HOST),
    (f"postgresql://u:x@{S}@h/d", HOST),
    (f"postgresql://u:x@%2Ftmp%2F{S}/d", HOST),
    (f"postgresql://h1,{S}/d", HOST),
    ("postgresql://h", NAME),
    ("postgresql://h/", NAME),
    (f"postgresql://h/d/{S}", NAME),
    (f"postgresql://h/host=x%20password={S}", NAME),
    (f"postgresql://h/{'d' * 64}", NAME),
    (f"postgresql://h/d%00{S}", NAME),
    ("postgresql://h:0/d", "port is not from 1 to 65535"),
    ("postgresql://h:65536/d", "port is not from 1 to 65535"),
    (f"postgresql://u:x@h:{S}/d", "this one is no URL: see its port"),
    (f"postgresql://h:{'9' * 1900}/d", ""),
    (f"postgresql://u%00:{S}@h/d", "user is too long, or has a %00"),
    (f"postgresql://u:{S}%00@h/d", "user is too long, or has a %00"),
    (f"postgresql://{'u' * 64}:{S}@h/d", "user is too long, or has a %00"),
    (f"postgresql://u:{S}@h/d x", "no space"),
    (f"postgresql://u:{S}@h/d\n", "no space"),
    (f"postgresql://u:{S}@h/d\x1b[2J", "no space"),
    (f"postgresql://u:{S}\udcff@h/d", "no space"),
    (f"postgresql://h/{'d' * MAX_URL}", f"of at most {MAX_URL} characters"),
    *(
        (f"postgresql://u:x@h/d?{parameter}", PARAMETER)
        for parameter in (
            "sslkey=/root/.ssh/id_rsa",
            "sslcert=/tmp/x",
            "sslrootcert=/tmp/x",
            "sslcrl=/tmp/x",
            "passfile=/etc/shadow",
            "service=x",
            "servicefile=/tmp/x",
            "options=-c%20log_statement%3Dall",
            "host=/tmp",
            "hostaddr=1.2.3.4",
            f"password={S}",
            "requirepeer=x",
            "sslmode=whatever",
            "sslmode=disable&sslmode=require",
            "connect_timeout=0",
            "connect_timeout=1e9",
            "application_name=a%0Ab",
            f"{S}=1",
        )
    ),
)


@pytest.mark.parametrize(("url", "says"), REFUSED)
def test_any_other_url_is_refused_in_one_line_that_repeats_no_secret(url: str, says: str) -> None:
    with pytest.raises(StoreError) as error:
        parse_storage(url)
    text = str(error.value)
    assert says in text
    assert text.startswith("--storage")
    assert "\n" not in text
    assert S not in text
    assert len(text) < 250
