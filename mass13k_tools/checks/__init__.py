"""What can be wrong with the files of a data set, and how it is found."""
