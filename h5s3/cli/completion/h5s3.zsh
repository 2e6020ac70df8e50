#compdef h5s3
# Completion of h5s3 in zsh.
_h5s3() {
    emulate -L zsh
    setopt extended_glob
    local program=h5s3 word value begun=${(Q)PREFIX}
    local -a given lines described folders folder_names plain plain_names
    [[ $words[1] == */* ]] && program=${${(Q)words[1]}/#\~\//$HOME/}
    for word in "${(@)words[2,CURRENT-1]}"; do # a variable alone is put in; nothing is ever run
        if [[ $word == (#b)(\"|)\$(\{|)([A-Za-z_][A-Za-z0-9_]#)(\}|)(\"|) ]]; then
            given+=("${(P)match[3]}")
        else
            given+=("${(Q)word}")
        fi
    done
    [[ $QIPREFIX == *\' ]] && begun=$PREFIX
    lines=("${(@f)$(_H5S3_COMPLETE=zsh $program "${given[@]}" "$begun" 2>/dev/null)}")
    for word in "${(@)lines[2,-1]}"; do
        value=${word%%$'\t'*}
        if [[ $word == *$'\t'* ]]; then
            described+=("${value//:/\\:}:${word#*$'\t'}")
        elif [[ $value == */ ]]; then # lists show the last part of a key or path alone
            folders+=("$value")
            folder_names+=("${${${value%/}##*/}:-${value%//}/}/")
        else
            plain+=("$value")
            plain_names+=("${value##*/}")
        fi
    done
    local result=1
    (($#described)) && _describe h5s3 described && result=0
    (($#folders)) && compadd -S '' -d folder_names -a folders && result=0
    (($#plain)) && compadd -d plain_names -a plain && result=0
    [[ $lines[1] == files ]] && _files && result=0
    return result
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _h5s3 "$@"
else
    compdef _h5s3 h5s3
fi
