"""The command line: `python -m core score | metrics | fingerprint | fetch | evidence | demo`."""

import argparse
import json
import sys
import time
from pathlib import Path

from core.errors import SourceScoutError


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except SourceScoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description="SourceScout without its pages.")
    commands = parser.add_subparsers(required=True)

    score = commands.add_parser("score", help="score checkpoints for a target")
    score.add_argument("--target", type=Path, required=True, help="TARGET.toml")
    score.add_argument("--checkpoints", type=Path, required=True, help="CHECKPOINTS.toml")
    score.add_argument("--metrics", default="all", help='"all", or keys with commas between them')
    score.add_argument("--run", type=Path, required=True, help="the run folder; finished scores in it are kept")
    score.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    score.add_argument("--max-images", type=int, help="use at most so many images of the training part")
    score.add_argument("--json", type=Path, help="write the result here too")
    score.set_defaults(command=_score)

    metrics = commands.add_parser("metrics", help="metrics of given features: arrays X, y and source_logits")
    metrics.add_argument("file", type=Path, help="an .npz file")
    metrics.add_argument("--json", action="store_true", help="print JSON")
    metrics.add_argument("--reference", action="store_true", help="the published quantities, on raw features")
    metrics.set_defaults(command=_metrics)

    fingerprint = commands.add_parser(
        "fingerprint", help="the statistics of a set of images, which can be shared where the images cannot"
    )
    fingerprint.add_argument("images", type=Path, help="a folder, .zip or .npz of images, or TARGET.toml")
    fingerprint.add_argument("--out", type=Path, required=True, help="the file to write, for example busi.npz")
    fingerprint.add_argument("--name", help="what the set is called; it is in the file")
    fingerprint.add_argument("--source", help="key of the data set's record in the catalogue, for example imagenet_1k")
    fingerprint.add_argument("--checkpoints", type=Path, help="CHECKPOINTS.toml: the networks that look at the images")
    fingerprint.add_argument("--pattern", default="", help="where file names hold the class: its regular expression")
    fingerprint.add_argument("--max-images", type=int, default=2000, help="draw at most so many (2000)")
    fingerprint.add_argument("--suppress-below", type=int, default=0, help="set smaller counts of images to 0")
    fingerprint.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    fingerprint.set_defaults(command=_fingerprint)

    fetch = commands.add_parser("fetch", help="put checkpoints into a folder that works without a network")
    fetch.add_argument("checkpoints", type=Path, help="CHECKPOINTS.toml")
    fetch.add_argument("--to", type=Path, required=True, help="the folder; finished files in it are kept")
    fetch.set_defaults(command=_fetch)

    evidence = commands.add_parser("evidence", help="how well published scores ranked sources where the truth is known")
    evidence.add_argument("--json", action="store_true", help="print JSON, with every target")
    evidence.set_defaults(command=_evidence)

    demo = commands.add_parser("demo", help="score the synthetic demo project")
    demo.add_argument("--json", action="store_true", help="print JSON")
    demo.set_defaults(command=_demo)
    return parser


def _score(options: argparse.Namespace) -> int:
    from core.catalog import load_checkpoints
    from core.images.index import build_index
    from core.images.readers import read_listing
    from core.scoring.plan import Contender, make_plan
    from core.settings import allowed_roots
    from core.target import load_target

    task = load_target(options.target)
    # Who names a folder on the command line means it: it is allowed, what leads out of it is not.
    roots = (*allowed_roots(), task.images if task.images.is_dir() else task.images.parent)
    listing = read_listing(task, roots)
    index = build_index(listing, progress=_counter("reading images"))
    _warn(task, listing, index)
    contenders = [Contender(c, _report(c)) for c in load_checkpoints(options.checkpoints)]
    metrics = _chosen_metrics(options.metrics)
    plan = make_plan(
        task, listing, index, contenders, metrics, max_images=options.max_images, device=options.device
    )  # fmt: skip
    run = options.run.resolve()
    compute([(plan, run)])
    answer = outcome(plan, run)
    text = json.dumps(answer, indent=1, allow_nan=False)
    print_outcome(answer)
    if options.json:
        _write(options.json, text)
    return 0 if all("error" not in candidate for candidate in answer["candidates"]) else 1


def _warn(task, listing, index) -> None:
    """What was left out, and what else needs care, on the error stream."""
    from core.images.inspect import inspect_target

    for finding in inspect_target(task, listing, index).findings:
        if finding.level != "info":
            print(f"{finding.level}: {finding.text} {finding.remedy}".strip(), file=sys.stderr)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceScoutError(
            f"`{path}` cannot be written: {error.strerror}.",
            "The scores are kept in the run folder: the same command with another --json writes them at once.",
        ) from None


def _chosen_metrics(text: str) -> list[str]:
    from core.metrics import METRICS

    chosen = list(METRICS) if text == "all" else [key.strip() for key in text.split(",")]
    unknown = [key for key in chosen if key not in METRICS]
    if unknown:
        raise SourceScoutError(f"Unknown metrics: {', '.join(unknown)}.", f"Known: {', '.join(METRICS)}.")
    return chosen


def _report(checkpoint) -> dict:
    """For a timm tag: the downloaded file that its identity is the hash of, or why there is none."""
    if checkpoint.kind != "timm":
        return {}
    from core.backbone import tag_file

    try:
        return {"weights_file": str(tag_file(checkpoint))}
    except SourceScoutError as error:
        return {"error": {"message": error.message, "remedy": error.remedy}}


def compute(jobs: list[tuple[dict, Path]]) -> None:
    """Run each plan in its run folder, side by side in workers of their own, and wait for their end, telling the
    progress; Ctrl-C stops them cleanly."""
    from core.scoring import runner

    for plan, run in jobs:
        runner.prepare(plan, run)
        runner.start(run)
    tell = _counter("scores")
    try:
        while True:
            statuses = [runner.status(run) for _, run in jobs]
            tell(sum(status.done for status in statuses), sum(status.total for status in statuses))
            if not any(status.active for status in statuses):
                break
            time.sleep(0.2)
    except KeyboardInterrupt:
        for _, run in jobs:
            runner.cancel(run)
        raise SourceScoutError("Stopped. Finished scores are kept.", "The same command goes on from there.") from None
    for status, (_, run) in zip(statuses, jobs, strict=True):
        if status.state in ("stopped", "cancelled"):
            how = "was cancelled" if status.state == "cancelled" else "ended before its time"
            finished = f"{status.done} of {status.total} scores are finished"
            raise SourceScoutError(
                f"A worker {how}; {finished}. {runner.last_words(run)}".strip(),
                "The same command goes on from there.",
            )


def _counter(what: str):
    """Tells progress on a terminal's error stream, and nothing elsewhere."""

    def tell(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{what}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell


def outcome(plan: dict, run: Path) -> dict:
    """What a run found, without timings and dates: the same inputs give the same text."""
    from core.metrics import METRICS
    from core.scoring import runner, spool

    status, results = runner.status(run), spool.read_results(run)
    task = plan["target"]
    candidates = []
    for candidate in plan["candidates"]:
        stand = status.candidates[candidate["name"]]
        entry = {"name": candidate["name"], "identity": candidate.get("identity")}
        if stand["state"] == "failed":
            entry["error"] = {"message": stand["message"], "remedy": stand["remedy"]}
        entry["metrics"] = {
            score["metric"]: results[score["key"]] for score in candidate["scores"] if score["key"] in results
        } | {
            key: {"value": None, "reason": metric.why_not[task["label_type"]]}
            for key, metric in METRICS.items()
            if task["label_type"] not in metric.label_types
        }
        candidates.append(entry)
    part = plan["part"] | {"sample_n": plan["sample"]["n"], "sample_hash": plan["sample"]["hash"]}
    return {"target": task, "part": part, "device": plan["device"], "seed": plan["seed"], "candidates": candidates}


def print_outcome(answer: dict) -> None:
    """The outcome as a table for people."""
    part = answer["part"]
    used = f"{part['sample_n']} of {part['n']} images"
    print(f"{answer['target']['name']}: {used} ({part['name']}; part {part['hash'][:12]})")
    for candidate in answer["candidates"]:
        print(f"\n{candidate['name']}  {candidate['identity'] or ''}")
        if "error" in candidate:
            print(f"  failed: {candidate['error']['message']} {candidate['error']['remedy']}")
        for doubt in {doubt: None for result in candidate["metrics"].values() for doubt in result.get("doubts", [])}:
            print(f"  warning: {doubt}")
        for key, result in candidate["metrics"].items():
            print(f"  {key:15} {_number(result)}")


def _number(result: dict) -> str:
    if result.get("value") is None:
        return f"none: {result['reason']}"
    interval = f" [{result['low']:.4f}, {result['high']:.4f}]" if result.get("low") is not None else ""
    null = f"  shuffled labels {result['null']:.4f}, p = {result['p']:.3f}" if result.get("p") is not None else ""
    return f"{result['value']:.4f}{interval}{null}  {result['verdict']}"


def _metrics(options: argparse.Namespace) -> int:
    from core.metrics.from_file import metrics_of_file

    found = metrics_of_file(options.file, reference=options.reference)
    if options.json or options.reference:
        print(json.dumps(found, indent=1, allow_nan=False))
        return 0
    for key, result in found.items():
        print(f"{key:15} {_number(result)}")
        if result.get("reason") and result["value"] is not None:
            print(f"{'':15} {result['reason']}")
    return 0


def _fingerprint(options: argparse.Namespace) -> int:
    from core.catalog import load_checkpoints
    from core.comparison import fingerprint, job, worker

    contenders = load_checkpoints(options.checkpoints) if options.checkpoints else []
    encoders = []
    for checkpoint in contenders:
        report = _report(checkpoint)
        if "error" in report:
            raise SourceScoutError(**report["error"])
        encoders.append((checkpoint, report))
    plan = job.make_plan([_image_set(options)], encoders, device=options.device)
    errors = worker.work(job.prepare(plan), _told)
    if errors:
        raise SourceScoutError(**errors[0])
    made = fingerprint.of_set(plan)
    if options.suppress_below:
        made = fingerprint.without_small_counts(made, options.suppress_below)
    content = fingerprint.save(made)
    try:
        options.out.write_bytes(content)
    except OSError as error:
        raise SourceScoutError(
            f"`{options.out}` cannot be written: {error.strerror}.", "Choose another --out."
        ) from None
    print(f"{options.out}: {made.n:,} images, {len(made.encoders)} networks, {len(content) / 1000:,.0f} kB")
    if fingerprint.warning(made.n):
        print(f"warning: {fingerprint.warning(made.n)}", file=sys.stderr)
    return 0


def _image_set(options: argparse.Namespace) -> dict:
    """The set of images that the command names: of a target its training part."""
    from core.comparison.sets import sample_set, target_set
    from core.images.index import build_index
    from core.images.readers import read_listing
    from core.images.samples import list_samples
    from core.settings import allowed_roots
    from core.target import load_target

    if options.images.suffix.lower() == ".toml":
        task = load_target(options.images)
        roots = (*allowed_roots(), task.images if task.images.is_dir() else task.images.parent)
        listing = read_listing(task, roots)
        found = target_set(task, listing, build_index(listing), options.max_images)
    else:
        place = options.images.expanduser().resolve()
        samples = list_samples(place, (*allowed_roots(), place.parent), options.pattern)
        found = sample_set(place.stem, options.source, samples, options.max_images)
    return found | ({"name": options.name} if options.name else {})


def _told(text: str) -> None:
    """Progress on a terminal's error stream, and nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _fetch(options: argparse.Namespace) -> int:
    from core.catalog import load_checkpoints
    from core.fetching import LIST, fetch

    try:
        errors = fetch(load_checkpoints(options.checkpoints), options.to, lambda text: print(text, file=sys.stderr))
    except KeyboardInterrupt:
        raise SourceScoutError("Stopped. Finished files are kept.", "The same command fetches the others.") from None
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    print(options.to / LIST)
    return 1 if errors else 0


def _evidence(options: argparse.Namespace) -> int:
    from core.evidence.track import as_json

    answer = as_json()
    if options.json:
        print(json.dumps(answer, indent=1, allow_nan=False))
        return 0
    print(answer["citation"])
    print(f"{'score':32} {'mean tau':>9} {'targets':>8} {'regret':>7} {'hits':>5}")
    for one in answer["all_sources"].values():
        tau = "" if one["tau"] is None else f"{one['tau']:.3f}"
        print(f"{one['name'][:32]:32} {tau:>9} {one['targets'] or 0:8.0f} {one['regret']:7.2f} {one['hits']:5.2f}")
    print(f"tau: {answer['tau']}. regret: {answer['regret']}.")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from core.demo import TARGETS, demo_plan
    from core.scoring.runner import run_folder

    plans = [demo_plan(name) for name in TARGETS]
    jobs = [(plan, run_folder(plan)) for plan in plans]
    compute(jobs)
    answers = [outcome(plan, run) for plan, run in jobs]
    if options.json:
        print(json.dumps({"synthetic": True, "targets": answers}, indent=1, allow_nan=False))
    else:
        print("Synthetic data, for demonstration.")
        for answer in answers:
            print_outcome(answer)
            print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
