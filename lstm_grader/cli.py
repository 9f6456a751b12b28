"""``lstm-grader``: the way of an assignment from its master to grades and feedback.

Submissions run in a sandbox (see `lstm_grader.sandbox` and `lstm_grader.judge`); where none can be
made they do not run, unless ``--trust-submissions`` is given.

Exit codes: 0 everything went well; 1 some submission failed, was refused or could not be graded, or
``release --check`` found differences; 2 a wrong command, or something is wrong around the
submissions (master, gradebook, sandbox, disk); 130 stopped from the keyboard.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_grader.course import Course, GraderError
from lstm_grader.settings import GRADEBOOK

if TYPE_CHECKING:
    from lstm_grader.crew import Cluster, Local
    from lstm_grader.grading import Graded
    from lstm_grader.progress import Summary

    pass

__all__ = ["main"]

OK, SOME_FAILED, INFRASTRUCTURE, STOPPED = 0, 1, 2, 130

TRUST = (
    "note: submissions run as ordinary programs of yours on this machine, without a sandbox; "
    "grade only work that you trust"
)
OWN = "note: these five submissions are the course's own, so they run without a sandbox"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    arguments = _parser().parse_args(argv)
    root = Path(arguments.course).resolve()
    class_folder = arguments.class_folder or ("class/demo" if arguments.run is _demo else "class")
    course = Course(root, (root / class_folder).resolve(), arguments.gradebook)
    try:
        code: int = arguments.run(course, arguments)
    except GraderError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return INFRASTRUCTURE
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return INFRASTRUCTURE
    except KeyboardInterrupt:
        print("\nstopped; what was graded stays graded, run it again to go on", file=sys.stderr)
        return STOPPED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lstm-grader",
        description="From masters to grades and feedback, with nbgrader's gradebook and folders.",
        epilog="Exit codes: 0 all well; 1 some submission failed; 2 wrong command, or something is "
        "wrong around the submissions; 130 stopped from the keyboard.",
    )
    parser.add_argument(
        "--course", default=".", metavar="FOLDER", help="where solutions/ is (default: here)"
    )
    parser.add_argument(
        "--class",
        dest="class_folder",
        metavar="FOLDER",
        help="where submissions, gradebook and feedback are (default: class; of demo: class/demo)",
    )
    parser.add_argument(
        "--gradebook",
        default=os.environ.get(GRADEBOOK, ""),
        metavar="URL",
        help="a gradebook on a database server, say postgresql+psycopg://host/class (default: the "
        f"variable {GRADEBOOK}, or gradebook.db in the class)",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_masters(commands)
    _add_submissions(commands)
    _add_results(commands)
    doctor = commands.add_parser(
        "doctor",
        help="attack the sandbox, and show that it holds",
        description="Makes a sandbox as autograde does, and runs in it what a hostile submission "
        "would try. Each line is one attack and how it ended; 2 if any succeeded.",
    )
    doctor.set_defaults(run=_doctor)
    return parser


def _add_masters(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    release = commands.add_parser("release", help="regenerate exercises/ from solutions/")
    release.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")
    release.add_argument("--check", action="store_true", help="change nothing; 1 if it would")
    release.set_defaults(run=_release)

    normalise = commands.add_parser("normalise", help="bring masters into normal form")
    normalise.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")
    normalise.set_defaults(run=_normalise)


def _add_submissions(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    collect = commands.add_parser("collect", help="take in what students handed in")
    collect.add_argument("assignment", metavar="ASSIGNMENT")
    collect.add_argument(
        "source", type=Path, metavar="FROM", help="folder or zip, a folder a student"
    )
    collect.set_defaults(run=_collect)

    autograde = commands.add_parser(
        "autograde",
        help="run submissions and record their points",
        description="Runs each collected submission in a sandbox, without network, files or other "
        "processes (doctor proves it), judges it from outside, and records its points. The master "
        "goes first and must earn full points. What has not changed since is left alone, so a run "
        "that was stopped is gone on with by giving the same command again.",
    )
    autograde.add_argument("assignment", nargs="?", metavar="ASSIGNMENT", help="default: all")
    _add_students(autograde)
    autograde.add_argument("--force", action="store_true", help="grade again what has not changed")
    autograde.add_argument(
        "--cell-seconds", type=_seconds, default=75.0, metavar="S", help="limit of a cell (75)"
    )
    autograde.add_argument(
        "--submission-seconds", type=_seconds, default=300.0, metavar="S", help="of all cells (300)"
    )
    where = autograde.add_mutually_exclusive_group()
    where.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="grade N submissions at a time (default: one for each core)",
    )
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="have a Dask cluster do it, say tcp://host:8786"
    )
    autograde.add_argument("--json", action="store_true", help="print the results as JSON instead")
    _add_trust(autograde)
    autograde.set_defaults(run=_autograde)


def _add_results(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    feedback = commands.add_parser("feedback", help="write a page for each student")
    feedback.add_argument("assignment", metavar="ASSIGNMENT")
    _add_students(feedback)
    feedback.set_defaults(run=_feedback)

    export = commands.add_parser("export", help="write all grades as CSV")
    export.add_argument("--to", type=Path, metavar="FILE", help="default: grades.csv in the class")
    export.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")
    export.set_defaults(run=_export)

    report = commands.add_parser("report", help="show the score table of an assignment")
    report.add_argument("assignment", metavar="ASSIGNMENT")
    report.add_argument("--json", action="store_true", help="as JSON")
    report.set_defaults(run=_report)

    demo = commands.add_parser("demo", help="take a class of five the whole way (in class/demo)")
    _add_trust(demo)
    demo.set_defaults(run=_demo)


def _add_students(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--student", action="append", metavar="ID", help="only this one; may be given several times"
    )


def _add_trust(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--trust-submissions",
        action="store_true",
        help="run them in an ordinary kernel, where they can do whatever you can",
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError(text)
    return value


def _workers(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1024:
        raise ValueError(text)
    return value


# What follows is imported in each command: nbgrader takes a second or two to load, and neither
# --help nor a wrong command should have to wait for it.


def _release(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader import release

    wanted = arguments.assignments or None
    if arguments.check:
        changes = release.check(course, wanted)
        for line in changes:
            print(f"{line}; run  lstm-grader release")
        return SOME_FAILED if changes else OK
    changes = release.release(course, wanted)
    for line in changes:
        print(line)
    print(f"exercises/ is up to date: {', '.join(wanted or course.assignments()) or 'no masters'}")
    return OK


def _normalise(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader.masters import write_normalised

    for assignment in arguments.assignments or course.assignments():
        for path in course.masters(assignment):
            print(f"{path}: {'changed' if write_normalised(path) else 'normal already'}")
    return OK


def _collect(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader.collect import collect

    taken = collect(course, arguments.assignment, arguments.source)
    for one in taken:
        print(f"{one.student}: {one.state}{f', {one.reason}' if one.reason else ''}")
    refused = sum(one.state == "refused" for one in taken)
    print(f"{len(taken) - refused} collected, {refused} refused")
    return SOME_FAILED if refused else OK


def _autograde(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader.grading import NOT_GRADED
    from lstm_grader.progress import as_json, as_table

    wanted = [arguments.assignment] if arguments.assignment else _with_submissions(course)
    if arguments.trust_submissions:
        print(TRUST, file=sys.stderr if arguments.json else sys.stdout)
    with _crew(arguments) as crew:
        summaries = [_grade(course, name, crew, arguments) for name in wanted]
    print(as_json(summaries) if arguments.json else as_table(summaries))
    states = {one.state for summary in summaries for one in summary.graded}
    if NOT_GRADED in states:
        return INFRASTRUCTURE
    return SOME_FAILED if "failed" in states else OK


def _crew(arguments: argparse.Namespace) -> "Local | Cluster":
    """Find who does the grading."""
    from lstm_grader.crew import Cluster, Local, usual_number
    from lstm_grader.execution import Limits

    limits = Limits(arguments.cell_seconds, arguments.submission_seconds)
    if arguments.scheduler:
        return Cluster(arguments.scheduler, limits, arguments.trust_submissions)
    return Local(arguments.workers or usual_number(), limits, arguments.trust_submissions)


def _with_submissions(course: Course) -> list[str]:
    return [name for name in course.assignments() if course.students(name)]


def _grade(
    course: Course, name: str, crew: "Local | Cluster", arguments: argparse.Namespace
) -> "Summary":
    from lstm_grader.grading import autograde
    from lstm_grader.progress import Summary, bar

    total = len(arguments.student or course.students(name))
    summary = Summary(name)
    with bar(name, total) as progress:
        for one in autograde(course, name, crew, arguments.student, arguments.force):
            summary.add(one)
            if not arguments.json:
                for line in _lines(f"[{len(summary.graded)}/{total}] {name} {one.student}", one):
                    progress.write(line)
            progress.update()
    return summary


def _lines(head: str, one: "Graded") -> Iterator[str]:
    said = one.reason
    if one.score is not None:
        said = f"{one.score.score:g} of {one.score.max_score:g} points"
    again = "" if one.again else " (as before: neither it nor the master has changed)"
    yield f"{head}: {one.state}, {said}{again}"
    for notice in one.notices if one.again else ():
        yield f"    {notice}"
    for said in one.suspicions:
        yield f"    look at it: {said}"


def _feedback(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader.feedback import generate

    pages = generate(course, arguments.assignment, arguments.student)
    for student, page in pages.items():
        print(f"{student}: {page}")
    return OK


def _export(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader.gradebook import opened
    from lstm_grader.reports import as_csv

    for name in arguments.assignments:
        course.masters(name)
    target = arguments.to or course.class_folder / "grades.csv"
    with opened(course) as book:
        text = as_csv(book, assignments=set(arguments.assignments))
    target.write_text(text, encoding="utf-8", newline="")
    print(target)
    return OK


def _report(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader import reports

    table = reports.rows(course, arguments.assignment)
    print(reports.as_json(table) if arguments.json else reports.as_table(table))
    return OK


def _demo(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader import demo, reports
    from lstm_grader.crew import InProcess
    from lstm_grader.execution import Engine, KernelEngine
    from lstm_grader.judge import SandboxEngine
    from lstm_grader.sandbox import NoSandbox

    with ExitStack() as stack:
        engine: Engine = KernelEngine()
        if not arguments.trust_submissions:
            try:
                engine = stack.enter_context(SandboxEngine())
            except NoSandbox as error:
                print(f"note: {str(error).splitlines()[0]}")
        if engine.trusted_only:
            print(OWN)
        table = demo.run(course, InProcess(engine))
    print()
    print(reports.as_table(table))
    print()
    print("A submission that cannot be read has no score: it is no zero. Each page above is what")
    print(
        "that student gets. Look at the class in formgrader with  LSTM_CLASS=class/demo jupyter lab"
    )
    return OK


def _doctor(course: Course, arguments: argparse.Namespace) -> int:
    from lstm_grader.doctor import examine

    refused = succeeded = 0
    for finding in examine():
        refused += finding.refused
        succeeded += not finding.refused
        word = "refused" if finding.refused else "SUCCEEDED"
        print(f"{word:<10} {finding.attack.tries:<45} {finding.how}", flush=True)
    if succeeded:
        print(f"{succeeded} attacks succeeded: do not grade untrusted work on this machine")
        return INFRASTRUCTURE
    print(f"all {refused} attacks were refused; the sandbox holds")
    return OK
