"""The zeros prior by its events: a material is completed entry by entry, in random order.

With the zeros prior, noise erases occupied variables and does nothing else: at time t each *entry* (position, element,
number of orbits) of a material has been erased with the same probability, independently of all others. Backwards,
entries come back one at a time and, as they were erased independently, in uniformly random order. So if the number of
entries n is known from the start, as the space group s is in the paper (Eq. 4), the time says nothing about x_0 that
x_t does not say, and the model is::

    p(s, n)                     frequencies of the training split
    p(next entry | s, n, x_t)   `EntryNetwork`, for x_t with any number of entries

Then p(x_0 = a | x_t, t) of a variable at zero is k times the network's probability that this entry is the next one,
k = n - (entries of x_t) being the number of missing ones, whatever t. This is a departure from the paper in three
points: n is drawn like s, the objective is the variational bound itself, and the network attends to the entries that
are there instead of passing messages between all positions. The forward process is the paper's.
"""
