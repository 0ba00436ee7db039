# What zsh completes: zsh -f complete.zsh FOLDER LINE prints what it finds when Tab is pressed behind LINE, with FOLDER in $fpath.
#
# It starts an interactive zsh in a terminal of its own, which takes this file too. There compadd tells what it finds before it does
# its work, and the shell ends with the completion.
if (( ${+FOUND} )); then
  autoload -U compinit && compinit -D -u
  compadd() {
    [[ ${@[1,(i)(-|--)]} == *-[OAD]* ]] || tell "$@" # with one of these it only asks
    builtin compadd "$@"
  }
  tell() {
    local -a hits
    builtin compadd -A hits "$@"
    print -rl -- $hits >>$FOUND
  }
  LINES=200 COLUMNS=200 LISTMAX=10000 # it asks before it shows more than there is room for
  bindkey '^I' complete-word
  comppostfuncs=(exit)
  return
fi
zmodload zsh/zpty
export TERM=dumb FPATH=$1:$FPATH FOUND=$(mktemp)
zpty shell zsh -f -i
zpty -w shell "source ${(q)0:A}; print re''ady"
zpty -r shell heard '*ready*'
zpty -w -n shell "$2"$'\t'
while zpty -r shell heard; do :; done
sort -u $FOUND
rm $FOUND
