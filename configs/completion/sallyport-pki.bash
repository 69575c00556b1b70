# bash completion for sallyport-pki, made by scripts/make-completion.py.

_sallyport_pki()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' dir='' first='' opts='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--dir) dir=${COMP_WORDS[++i]} ;;
		--address | --alg | --cert | --crl | --crl-days | --days | --dns | --email | --forget | --group | --groups | --install | --ip | --issuer | --key | --key-pass-env | --key-pass-fd | --key-pass-file | --last | --name | --network | --networks | --new-pass-env | --new-pass-fd | --new-pass-file | --now | --out | --pass-env | --pass-fd | --pass-file | --permit-dns | --permit-ip | --qr-png | --reason | --remote | --serial | --since | --type | --wait) ((i++)) ;;
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
	--alg)
		mapfile -t COMPREPLY < <(compgen -W "p256 p384 ed25519 rsa3072" -- "$cur")
		return
		;;
	--type)
		mapfile -t COMPREPLY < <(compgen -W "server client ca" -- "$cur")
		return
		;;
	--reason)
		mapfile -t COMPREPLY < <(compgen -W "keyCompromise affiliationChanged superseded cessationOfOperation privilegeWithdrawn certificateHold" -- "$cur")
		return
		;;
	--cert | --crl | --dir | --install | --issuer | --key | --key-pass-file | --new-pass-file | --out | --pass-file | --qr-png)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--address | --crl-days | --days | --dns | --email | --forget | --group | --groups | --ip | --key-pass-env | --key-pass-fd | --last | --name | --network | --networks | --new-pass-env | --new-pass-fd | --now | --pass-env | --pass-fd | --permit-dns | --permit-ip | --remote | --serial | --since | --wait) return ;;
	esac
	case $command in
	init) opts="--two-tier --root --permit-dns --permit-ip --groups --networks --alg --days --crl-days --no-pass" ;;
	server) opts="--dns --ip --email --group --address --network --days --alg" ;;
	client) opts="--dns --email --group --address --network --days --alg" ;;
	batch) opts="--skip-existing --again" ;;
	csr) opts="--dns --ip --email --alg --key --out" ;;
	sign) opts="--type --name --copy-san --dns --ip --email --group --address --network --days" ;;
	renew) opts="--serial --type --days" ;;
	rekey) opts="--serial --type --days --alg" ;;
	revoke) opts="--serial --cert --all-but-newest --type --reason --days" ;;
	unhold) opts="--serial --type --days" ;;
	crl) opts="--days --install --notify --if-needed --out" ;;
	maintain) opts="--days --install --notify" ;;
	ca) opts="--days --alg --switch --root --serial --out --no-pass --new-pass-file --new-pass-fd --new-pass-env --new-pass-stdin" ;;
	list) opts="--valid --expired --revoked --name" ;;
	show) opts="--serial --type --pem" ;;
	export) opts="--remote --out --serial --type --qr --qr-png" ;;
	status) opts="--days --forget" ;;
	expiring) opts="--days --forget" ;;
	lint) opts="--issuer" ;;
	log) opts="--serial --since --last" ;;
	doctor) opts="--repair" ;;
	restore) opts="--crl" ;;
	import-easyrsa) opts="--network" ;;
	import-openssl) opts="--network" ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "--dir --json --dry-run --yes --quiet --wait --now --pass-file --pass-fd --pass-env --pass-stdin --key-pass-file --key-pass-fd --key-pass-env --key-pass-stdin --key-pass-ask --help --version $opts" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "init server client batch csr sign renew rekey revoke unhold crl maintain ca list show export status expiring verify lint log doctor backup restore import-easyrsa import-openssl" -- "$cur")
	elif [[ $command == export && -z $first ]]; then
		mapfile -t COMPREPLY < <(compgen -W "pem key bundle p12 profile" -- "$cur")
	elif [[ $command == ca && -z $first ]]; then
		mapfile -t COMPREPLY < <(compgen -W "show renew rollover retire passwd csr sign import" -- "$cur")
	elif [[ " show export renew rekey revoke unhold log " == *" $command "* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(sallyport-pki ${dir:+--dir "$dir"} list --valid 2>/dev/null |
			awk 'NR > 1 && $2 != "ca" { print $3 }')" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -o filenames -F _sallyport_pki sallyport-pki
