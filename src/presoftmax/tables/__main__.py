"""``python -m presoftmax.tables`` prints the documentation page of the tables."""

from presoftmax.tables.schema import markdown

if __name__ == "__main__":
    print(markdown(), end="")
