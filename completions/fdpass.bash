# Completion of fdpass for bash: source it, or put it into /etc/bash_completion.d. Made by `deno task completions`; not to be edited.
# shellcheck shell=bash
_fdpass() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
    --experiment | -e)
      mapfile -t COMPREPLY < <(compgen -W "privilege-drop authority io-uring receive-paths supervisor relay all" -- "$word")
      return
      ;;
    --explain)
      mapfile -t COMPREPLY < <(compgen -W "SOCK-01 SOCK-02 PASS-01 PASS-02 PASS-03 DROP-01 DROP-02 DROP-03 DROP-04 DROP-05 DENY-01 RECV-01 RECV-02 RECV-03 AUTH-01 AUTH-02 AUTH-03 AUTH-04 URING-01 URING-02 URING-03 URING-04 URING-05 URING-06 URING-07 URING-08 URING-09 URING-10 URING-11 URING-12 URING-13 URING-14 PATH-01 PATH-02 PATH-03 PATH-04 PATH-05 PATH-06 PATH-07 SUPER-01 SUPER-02 SUPER-03 SUPER-04 SUPER-05 SUPER-06 SUPER-07 SUPER-08 SUPER-09 RELAY-01 RELAY-02 RELAY-03 RELAY-04 RELAY-05 RELAY-06 RELAY-07 RELAY-08 RELAY-09 HARD-01 HARD-02 HARD-03 HARD-04 HARD-05" -- "$word")
      return
      ;;
    --count | -n)
      :
      return
      ;;
    --timeout | -t)
      :
      return
      ;;
    --user | -u)
      mapfile -t COMPREPLY < <(compgen -u -- "$word")
      return
      ;;
    --stimulus)
      mapfile -t COMPREPLY < <(compgen -W "none $(ls /sys/class/net)" -- "$word")
      return
      ;;
    --receive)
      mapfile -t COMPREPLY < <(compgen -W "recvmsg recvfrom recvmmsg tpacket-v3 io-uring io-uring-multishot" -- "$word")
      return
      ;;
    --workers)
      :
      return
      ;;
    --fanout)
      mapfile -t COMPREPLY < <(compgen -W "hash cpu lb qm" -- "$word")
      return
      ;;
    --kills)
      :
      return
      ;;
    --rate)
      :
      return
      ;;
    --from)
      :
      return
      ;;
    --to)
      :
      return
      ;;
    --out)
      mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$word")
      return
      ;;
    --report)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    --pcap)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--experiment -e --list -l --explain --count -n --timeout -t --user -u --stimulus --receive --workers --fanout --kills --rate --from --to --out --harden --json --tap --report --pcap --force --trace --quiet -q --verbose -v --no-color --help -h --version" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$word")
  fi
}
complete -F _fdpass fdpass
