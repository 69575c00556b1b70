#!/usr/bin/env python3
"""Fail when programs, manuals and other documents do not agree.

    scripts/check-manuals.py ROOT BIN

- each program has a manual page with the usual sections, and every option and command of its --help is in it
- every section of PROTOCOL that a file cites exists
- every file that a Markdown file links to exists, and so does every test that docs/ names
"""
import pathlib
import re
import subprocess
import sys

MANUALS = {"sallyport-server": 8, "sallyport-client": 8, "sallyport-pki": 1, "sallyport": 1}
SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO")


def output(*argv):
    return subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, check=True, text=True).stdout


def options(help_text):
    """The long options that a help text explains: each at the start of a line."""
    return set(re.findall(r"^ +(?:-\w, *)?(--[a-z][a-z-]+)", help_text, re.M))


def plain(page):
    """A manual page's words (man and mdoc macros alike), without the markup."""
    text = re.sub(r"\\f[A-Z]|\\&", "", page).replace(r"\-", "-")
    return re.sub(r"\bFl -(?=[a-z])", "--", text)


def manual_errors(root, bin_dir):
    for program, section in MANUALS.items():
        path = root / "docs" / "man" / f"{program}.{section}"
        if not path.exists():
            yield f"{path}: missing"
            continue
        page = path.read_text()
        for name in SECTIONS:
            if not re.search(rf'^\.S[Hh] "?{name}"?$', page, re.M):
                yield f"{path}: no section {name}"
        help_text = output(bin_dir / program, "--help")
        commands = re.findall(r"^  ([a-z][a-z-]+) ", help_text.partition("Commands:")[2], re.M)
        words = options(help_text) | set(commands)
        for command in commands:
            words |= options(output(bin_dir / program, command, "--help"))
        for word in sorted(words):
            if not re.search(rf"(?<![\w-]){word}(?![\w-])", plain(page)):
                yield f"{path}: '{word}' of --help is not there"


def citation_errors(root, files):
    sections = set(re.findall(r"^(?:## )?(\d+(?:\.\d+)?)[. ]", (root / "docs/PROTOCOL.md").read_text(), re.M))
    for path in files:
        if path.suffix in (".c", ".h", ".py", ".md"):
            for cited in re.findall(r"PROTOCOL (\d+(?:\.\d+)?)", path.read_text(errors="replace")):
                if cited not in sections:
                    yield f"{path}: cites PROTOCOL {cited}, which does not exist"


def link_errors(root, files):
    tests = {"unit_" + p.stem[5:] for p in root.glob("tests/unit/test_*.c")}
    tests |= {"net_" + p.stem[4 + 1:] for p in root.glob("tests/net/test_*.py")}
    tests |= {p.stem for p in root.glob("tests/fuzz/fuzz_*.c")}
    for path in files:
        if path.suffix != ".md":
            continue
        text = path.read_text()
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                yield f"{path}: links to {target}, which does not exist"
        for test in set(re.findall(r"`((?:unit|net|fuzz)_\w+)`", text)) - tests:
            yield f"{path}: names the test {test}, which does not exist"


def main(root, bin_dir):
    listed = output("git", "-c", "safe.directory=*", "-C", root, "ls-files", "-co", "--exclude-standard")
    files = [root / f for f in listed.splitlines() if (root / f).is_file()]
    bad = [*manual_errors(root, bin_dir), *citation_errors(root, files), *link_errors(root, files)]
    print("\n".join(bad) or "manuals ok")
    return bool(bad)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
