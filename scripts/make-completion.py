#!/usr/bin/env python3
"""Write the completions of sallyport-pki for bash and zsh from its --help.

    scripts/make-completion.py BIN FOLDER            write FOLDER/sallyport-pki.bash and FOLDER/_sallyport-pki
    scripts/make-completion.py --check BIN FOLDER    fail when they are not what would be written
"""
import pathlib
import re
import subprocess
import sys

VALUES = {"ALG": "p256 p384 ed25519 rsa3072", "TYPE": "server client ca",
          "REASON": "keyCompromise affiliationChanged superseded cessationOfOperation privilegeWithdrawn certificateHold"}
FIRST = {"export": "pem key bundle p12 profile", "ca": "show renew rollover retire passwd csr sign import"}
NAMED = ("show", "export", "renew", "rekey", "revoke", "unhold", "log")  # Take a NAME that is in the index.

BASH = '''# bash completion for sallyport-pki, made by scripts/make-completion.py.

_sallyport_pki()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' dir='' first='' opts='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--dir) dir=${COMP_WORDS[++i]} ;;
		@TAKES@) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[i]}
			elif [[ -z $first ]]; then
				first=${COMP_WORDS[i]}
			fi
			;;
		esac
	done
	COMPREPLY=()
	case $prev in
@VALUES@
	@FILES@)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	@OTHERS@) return ;;
	esac
	case $command in
@COMMANDS@
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "@GLOBAL@ $opts" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "@NAMES@" -- "$cur")
@FIRSTS@
	elif [[ " @NAMED@ " == *" $command "* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(sallyport-pki ${dir:+--dir "$dir"} list --valid 2>/dev/null |
			awk 'NR > 1 && $2 != "ca" { print $3 }')" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -o filenames -F _sallyport_pki sallyport-pki
'''

ZSH = '''#compdef sallyport-pki
# zsh completion for sallyport-pki, made by scripts/make-completion.py.

_sallyport_pki_names()
{
	local -a names
	names=(${(f)"$(sallyport-pki ${opt_args[--dir]:+--dir} ${opt_args[--dir]} list --valid 2>/dev/null | awk 'NR > 1 && $2 != "ca" { print $3 }')"})
	compadd -a names
}

_sallyport_pki()
{
	local -a commands common
	local line state context
	typeset -A opt_args
	commands=(
@DESCRIBED@
	)
	common=(
@GLOBAL@
	)
	_arguments -C $common '1: :->command' '*:: :->rest'
	case $state in
	command) _describe command commands ;;
	rest)
		case $words[1] in
@COMMANDS@
		esac
		;;
	esac
}

_sallyport_pki "$@"
'''


def help_of(binary, *args):
    return subprocess.run([binary, *args, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout


def options(text):
    """(name, argument or '', help) of each option in a part of a help text."""
    return re.findall(r"^  --([a-z][a-z-]*)(?: ([A-Z][A-Z:,.]*))? +(.*)$", text, re.M)


def read(binary):
    text = help_of(binary)
    commands = re.findall(r"^  ([a-z][a-z-]+) +(.*)$", text.partition("Commands:")[2].partition("\n\n")[0], re.M)
    own = {c: options(help_of(binary, c).partition("Options of every command:")[0]) for c, _ in commands}
    return commands, options(text.partition("Options of every command:")[2]), own


def bash(commands, common, own):
    every = {o for part in [common, *own.values()] for o in part}
    names = {kind: sorted({f"--{n}" for n, arg, _ in every if arg == kind}) for _, kind, _ in every if kind}
    files = sorted(set(names.get("FILE", [])) | set(names.get("DIR", [])))
    values = [f'\t{"|".join(names[k])})\n\t\tmapfile -t COMPREPLY < <(compgen -W "{v}" -- "$cur")\n\t\treturn\n\t\t;;'
              for k, v in VALUES.items() if k in names]
    takes = sorted({f"--{n}" for n, arg, _ in every if arg} - {"--dir"})
    firsts = [f'\telif [[ $command == {c} && -z $first ]]; then\n'
              f'\t\tmapfile -t COMPREPLY < <(compgen -W "{words}" -- "$cur")' for c, words in FIRST.items()]
    others = [t for t in takes if t not in files and not any(t in names.get(k, []) for k in VALUES)]
    put = {"OTHERS": " | ".join(others), "TAKES": " | ".join(takes), "FILES": " | ".join(files), "VALUES": "\n".join(values).replace("|--", " | --"),
           "GLOBAL": " ".join(f"--{n}" for n, _, _ in common), "NAMES": " ".join(c for c, _ in commands),
           "NAMED": " ".join(NAMED), "FIRSTS": "\n".join(firsts),
           "COMMANDS": "\n".join(f'\t{c}) opts="{" ".join(f"--{n}" for n, _, _ in own[c])}" ;;'
                                 for c, _ in commands if own[c])}
    return re.sub(r"@([A-Z]+)@", lambda m: put[m[1]], BASH)


def zsh_options(opts, indent):
    def action(kind):
        if kind in ("FILE", "DIR"):
            return "_files" + (" -/" if kind == "DIR" else "")
        return f"({VALUES[kind]})" if kind in VALUES else ""
    out = []
    for name, kind, text in opts:
        text = re.sub(r"([\[\]:])", r"\\\1", text).replace("'", "'\\''")
        star = "*" if "may be given again" in text else ""
        out.append(f"{indent}'{star}--{name}[{text}]" + (f":{kind.replace(':', chr(92) + ':')}:{action(kind)}" if kind else "") + "'")
    return out


def zsh(commands, common, own):
    def quote(text):
        return text.replace("'", "'\\''")
    cases = []
    for c, _ in commands:
        rest = ["'1:what:(" + FIRST[c] + ")'"] if c in FIRST else []
        rest.append("'*:name:_sallyport_pki_names'" if c in NAMED else "'*:file:_files'")
        cases.append(f"\t\t{c})\n\t\t\t_arguments $common \\\n" +
                     "".join(line + " \\\n" for line in zsh_options(own[c], "\t\t\t\t")) +
                     f"\t\t\t\t{' '.join(rest)}\n\t\t\t;;")
    put = {"DESCRIBED": "\n".join(f"\t\t'{c}:{quote(text)}'" for c, text in commands),
           "GLOBAL": "\n".join(zsh_options(common, "\t\t")), "COMMANDS": "\n".join(cases)}
    return re.sub(r"@([A-Z]+)@", lambda m: put[m[1]], ZSH)


def main(binary, folder, check):
    made = read(binary)
    bad = False
    for name, text in (("sallyport-pki.bash", bash(*made)), ("_sallyport-pki", zsh(*made))):
        path = pathlib.Path(folder) / name
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path} is not what sallyport-pki --help gives: run scripts/make-completion.py BIN FOLDER")
            bad = True
    return bad


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    sys.exit(main(*arguments, "--check" in sys.argv))
