# The names of the nearest project: the lines `$argv[1] NAME` of target/local/names. Nothing in them is expanded.
function _seeknal_names
    set -l folder $PWD
    set -l expected 0
    for word in (commandline -opc)
        if test $expected -eq 1
            set folder (string replace -r '^~(?=/|$)' -- $HOME $word)
            set expected 0
        else if test "$word" = --project-path
            set expected 1
        else if string match -q -- '--project-path=*' $word
            set folder (string replace -r '^~(?=/|$)' -- $HOME (string sub -s 16 -- $word))
        end
    end
    string match -q -- '/*' $folder; or set folder $PWD/$folder
    while not test -f $folder/target/local/names
        string match -q -- '*/*' $folder; or return
        set folder (string replace -r '/[^/]*$' '' -- $folder)
    end
    set -l found (string match -rg -- "^$argv[1] ([A-Za-z0-9_.:@/+-]+)\$" < $folder/target/local/names)
    set -l head (string match -r -- '^.*,\+?|^\+' (commandline -ct))
    if test -n "$head"
        set found "$head"$found
    end
    string join \n -- $found
end
