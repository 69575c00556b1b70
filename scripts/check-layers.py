#!/usr/bin/env python3
"""Fail when a file includes a header from a layer it may not use.

A folder may include itself and the folders listed for it.  Third-party headers
with an owner may be included only from that folder.  Module cycles are refused too.
"""
import pathlib
import re
import sys

ALLOWED = {
    "base": set(),
    "net": {"base"},
    "conf": {"base", "net"},
    "tls": {"base", "net"},
    "sys": {"base", "net"},
    "core": {"base", "net"},
    "io": {"base", "net", "core", "tls", "sys", "conf"},
    "server": {"base", "net", "conf", "tls", "sys", "core", "io"},
    "client": {"base", "net", "conf", "tls", "sys", "core", "io"},
    "ctl": {"base", "net", "conf", "tls", "sys", "core", "io"},
    "pki": {"base", "net", "tls"},
}
OWNER = {"wolfssl/": {"tls", "pki"}, "libconfig.h": {"conf"}, "uv.h": {"io", "server", "client", "ctl"}}


def main(root):
    bad, graph = [], {}
    files = [p for d in ("src", "pki") for p in sorted((root / d).rglob("*.[ch]"))]
    for path in files:
        rel = path.relative_to(root)
        layer = rel.parts[1] if rel.parts[0] == "src" else "pki"
        module = f"{layer}/{path.stem}"
        for mark, inc in re.findall(r'^\s*#\s*include\s+([<"])([^>"]+)', path.read_text(), re.M):
            for prefix, owners in OWNER.items():
                if inc.startswith(prefix) and layer not in owners:
                    bad.append(f"{rel}: <{inc}> belongs to {sorted(owners)}")
            target = inc.split("/")[0]
            if mark == "<" or target not in ALLOWED:  # <sys/stat.h> is not of our layer "sys"
                continue
            if target != layer and target not in ALLOWED[layer]:
                bad.append(f"{rel}: {layer}/ may not include {inc}")
            graph.setdefault(module, set()).add(inc.removesuffix(".h"))
    for start in graph:
        seen, todo = set(), [m for m in graph[start] if m != start]
        while todo:
            m = todo.pop()
            if m == start:
                bad.append(f"{start}: include cycle")
                break
            if m not in seen:
                seen.add(m)
                todo += graph.get(m, ())
    print("\n".join(bad) or f"layers ok: {len(files)} files")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
