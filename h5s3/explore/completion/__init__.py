"""What may follow what is typed: the names below a prefix, in a group, of attributes.

`remembered` reads them out of answers in the cache and loads next to nothing; `asked` asks the storage.
"""
