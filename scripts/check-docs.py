#!/usr/bin/env python3
"""Fail when settings in the programs, the example configurations and the manuals differ.

    scripts/check-docs.py ROOT BIN

ROOT is the source folder.  BIN holds sallyport-server and sallyport-client, whose --settings prints their tables as
JSON.  The example (configs/NAME.conf) has each setting once, in the table's order, below a comment: with its default
and commented out ("#name = value;"), or in force when it is required.  The manual (docs/man/sallyport-NAME.conf.5) has
an entry for each, in the table's order, that starts with its type, range and default.
"""
import json
import pathlib
import re
import subprocess
import sys


def spec(s):
    """The line a setting's entry in the manual starts with."""
    r = s.get("range")
    if "choices" in s:
        names = [f'"{c}"' for c in s["choices"]]
        text = ", ".join(names[:-1]) + " or " + names[-1]
    else:
        text = s["type"][0].upper() + s["type"][1:]
    if r:
        text += f", {r['min']} to {r['max']}" + (" bytes" if r["of"] == "bytes" else "")
    if s["default"] is not None:
        return f"{text}. Default: {s['default']}."
    return text + (". Required." if s["required"] else ". No default.")


def example_errors(settings, path):
    lines = path.read_text().splitlines()
    found = {}
    for n, line in enumerate(lines):
        m = re.fullmatch(r"(#?)(\w+) = (.*);", line)
        if not m:
            if line and not re.match(r"#( |$)", line):
                yield f"{path}:{n + 1}: neither a comment nor a setting"
            continue
        if m[2] in found:
            yield f"{path}:{n + 1}: {m[2]} is there twice"
        found[m[2]] = (n + 1, m[1], m[3], lines[n - 1] if n else "")
    names = [s["name"] for s in settings]
    if [n for n in found if n in names] != [n for n in names if n in found]:
        yield f"{path}: settings are not in the order of the program's table"
    for name in found.keys() - set(names):
        yield f"{path}:{found[name][0]}: the program has no setting {name}"
    for s in settings:
        if s["name"] not in found:
            yield f"{path}: {s['name']} is missing"
            continue
        line, mark, value, comment = found[s["name"]]
        where = f"{path}:{line}: {s['name']}"
        if not comment.startswith("# "):
            yield f"{where} has no comment above it"
        if s["default"] is not None and value != s["default"]:
            yield f"{where} is {value}; the program's default is {s['default']}"
        if s["default"] is not None and not mark:
            yield f"{where} has a default and must be commented out"
        if s["required"] and mark:
            yield f"{where} is required and must be in force"
        said = re.search(r"\((\d+) to (\d+)\)", comment)
        r = s.get("range")
        if said and [int(said[1]), int(said[2])] != [r["min"], r["max"]]:
            yield f"{where}: its comment says {said[0]}, the program ({r['min']} to {r['max']})"


def manual_errors(settings, path):
    entries = re.findall(r"^\.TP\n\.B (\w+)\n(.*)\n", path.read_text(), re.M)
    names = [name for name, _ in entries]
    expected = [s["name"] for s in settings]
    for name in expected:
        if names.count(name) != 1:
            yield f"{path}: {name} has {names.count(name)} entries"
    for name in set(names) - set(expected):
        yield f"{path}: the program has no setting {name}"
    if sorted(names) == sorted(expected) and names != expected:
        yield f"{path}: entries are not in the order of the program's table"
    first = dict(entries)
    for s in settings:
        if s["name"] in first and first[s["name"]] != spec(s):
            yield f"{path}: {s['name']} starts with\n    {first[s['name']]}\n  and should with\n    {spec(s)}"


def main(root, binaries):
    bad, count = [], 0
    for name in ("server", "client"):
        program = binaries / f"sallyport-{name}"
        settings = json.loads(subprocess.run([program, "--settings"], check=True, stdout=subprocess.PIPE).stdout)
        count += len(settings)
        bad += example_errors(settings, root / "configs" / f"{name}.conf")
        bad += manual_errors(settings, root / "docs" / "man" / f"sallyport-{name}.conf.5")
    print("\n".join(bad) or f"docs ok: {count} settings")
    return bool(bad)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
