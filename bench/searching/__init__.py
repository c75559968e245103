"""What `bench/search.py` is made of: a corpus and a model, tables in the shapes that are compared, figures, and the bars that they are held against."""
