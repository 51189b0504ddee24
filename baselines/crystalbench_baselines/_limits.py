"""How much of a stranger's file is read before it is refused: the caps that all readers share.

A file of 10 MB should cost no more than a minute and a gigabyte, whatever it was made to do. The caps stand far above
what generators write: 10,000 crystals of 20 atoms are 40 MB of CIF or JSON and 15 MB of extended XYZ.
"""

MAX_BYTES = 2**29
"""Bytes read of one file, folder or archive, decompressed: 100,000 crystals as CIF."""

MAX_MEMBERS = 200_000
"""Files in a folder or archive, of any kind."""

MAX_MEMBER_BYTES = 8 * 2**20
"""Text of one crystal. The CIF file of a cell of 1,000 atoms has 0.1 MB."""

MAX_SAMPLES = 2_000_000
"""Samples of one source."""

MAX_WORDS = 40_000_000
"""Words and line ends in the text of one source, decompressed: reading one takes a millionth of a second, more or less,
in any format. 100,000 crystals of 20 atoms are 30 million as CIF; in JSON brackets count as well, and it is 40,000."""

MAX_LINE = 4 * 2**20
"""Bytes in one line, and in one cell of a table; the CIF text of 1,000 atoms has 0.1 MB."""

MAX_HEADER = 2**16
"""Characters in the line that describes a frame of extended XYZ; real ones have a few hundred."""

MAX_ATOMS = 100_000
"""Atoms in one crystal. The conversion refuses over 2,000 by default."""

MAX_WINDOW_BYTES = 2**27
"""Memory for unpacking .xz: what `xz -9` needs, and a margin."""
