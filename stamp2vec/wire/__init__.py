"""Messages of the contract <-> values of the library: the only place where one becomes the other.

A number of an enum that a newer peer sends and this code does not know becomes the value for what is not known.
"""
