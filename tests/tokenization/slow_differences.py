"""Where transformers 4.57's pure-Python tokenizer differs from the Rust one, which is the norm.

Assigned code points between two letters, "a?b", under Python's Unicode 14.0: the slow one asks `unicodedata`,
the Rust one has tables of an older Unicode. Hexadecimal, ``a-b`` is a range.
"""

from __future__ import annotations

# Punctuation and CJK ideographs younger than the tables of the Rust library: a word of its own to
# the slow tokenizer, a letter to Rust.
WORD_ONLY_TO_SLOW = """
61D 9FD A76 C77 C84 1B7D-1B7E 2E43-2E4F 2E52-2E5D 10EAD 10F55-10F59 10F86-10F89 1144B-1144F 1145A-1145B
1145D 11660-1166C 116B9 1183B 11944-11946 119E2 11A3F-11A46 11A9A-11A9C 11A9E-11AA2 11C41-11C45 11C70-11C71
11EF7-11EF8 11FFF 12FF1-12FF2 16E97-16E9A 16FE2 1E95E-1E95F 2B820-2B91F
"""

# Accents and format characters younger than those tables: removed by the slow one, a letter to Rust.
REMOVED_ONLY_BY_SLOW = """
7FD 890-891 898-89F 8CA-8E2 9FE AFA-AFF B55 C04 C3C D00 D3B-D3C D81 EBA 180F 1885-1886 1ABF-1ACE 1DF6-1DFB
A82C A8C5 A8FF A9BD 10D24-10D27 10EAB-10EAC 10F46-10F50 10F82-10F85 11070 11073-11074 110C2 110CD 111CF
1123E 1133B 11438-1143F 11442-11444 11446 1145E 1182F-11837 11839-1183A 1193B-1193C 1193E 11943 119D4-119D7
119DA-119DB 119E0 11A01-11A0A 11A33-11A38 11A3B-11A3E 11A47 11A51-11A56 11A59-11A5B 11A8A-11A96 11A98-11A99
11C30-11C36 11C38-11C3D 11C3F 11C92-11CA7 11CAA-11CB0 11CB2-11CB3 11CB5-11CB6 11D31-11D36 11D3A 11D3C-11D3D
11D3F-11D45 11D47 11D90-11D91 11D95 11D97 11EF3-11EF4 13430-13438 16F4F 16FE4 1CF00-1CF2D 1CF30-1CF46
1E000-1E006 1E008-1E018 1E01B-1E021 1E023-1E024 1E026-1E02A 1E130-1E136 1E2AE 1E2EC-1E2EF 1E944-1E94A
"""

# A character that later became a symbol: punctuation to Rust, a letter to the slow one.
WORD_ONLY_TO_RUST = "166D"

# A mark that later became a spacing one: an accent to Rust, a letter to the slow one.
REMOVED_ONLY_BY_RUST = "1734"

# Punctuation that later became an accent.
REMOVED_BY_SLOW_WORD_TO_RUST = "111C9"
