# Completion of h5s3 in fish.
function __h5s3_complete
    set -l line (commandline -cp | string collect --allow-empty)
    set -l program h5s3
    set -l first (commandline -opc)[1]
    if string match -q '*/*' -- $first; and command -q -- $first
        set program $first
    end
    for name in (string match -rag '\$([A-Za-z_][A-Za-z0-9_]*)' -- $line) # h5s3 sees only what is exported
        if set -q $name; and test (count $$name) -eq 1
            set -fx $name $$name 2>/dev/null
        end
    end
    set -l lines (_H5S3_COMPLETE=fish $program $line 2>/dev/null)
    if test "$lines[1]" = files
        complete -C "'' "(commandline -ct) # what is completed behind an unknown command
    end
    if test (count $lines) -gt 1
        printf '%s\n' $lines[2..]
    end
end
complete --command h5s3 --erase
complete --command h5s3 --no-files --arguments '(__h5s3_complete)'
