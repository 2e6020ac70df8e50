# Completion of h5s3 in bash.
# h5s3 itself splits the line into words: bash would break them at each ':' and '='.
_h5s3_completion() {
    local program=h5s3 line files=
    [[ $1 == */* ]] && program=${1/#\~\//$HOME/}
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $files ]]; then files=$line; else COMPREPLY+=("$line"); fi
    done < <(
        for line in "${COMP_WORDS[@]}"; do # h5s3 sees only variables that are exported
            [[ $line =~ ^\"?\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?\"?$ ]] && export "${BASH_REMATCH[1]}"
        done
        _H5S3_COMPLETE=bash "$program" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null
    )
    if ((${#COMPREPLY[@]} == 0)); then
        [[ $files == files ]] && compopt -o default 2>/dev/null
    elif [[ $files != files ]] && ((${#COMPREPLY[@]} > 1)); then # lists show the last part of a key or path alone
        compopt -o filenames -o noquote 2>/dev/null
    fi
    case ${COMPREPLY[0]-} in */ | *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -F _h5s3_completion h5s3
