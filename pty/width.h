/* How many columns a code point takes and how it joins what stands before it. */
#ifndef NONO_PTY_WIDTH_H
#define NONO_PTY_WIDTH_H

#include "common/common.h"

enum glyph_class {
	GLYPH_NARROW = 0,
	GLYPH_WIDE,
	GLYPH_PICT,	 /* pictograph, two columns */
	GLYPH_TEXT_PICT, /* pictograph, one column unless VS16 follows; digits for keycaps too */
	GLYPH_ZERO,	 /* combines with what stands before */
	GLYPH_ZWJ,
	GLYPH_VS16,
	GLYPH_SKIN,   /* skin tone: joins a pictograph, alone two columns */
	GLYPH_FLAG,   /* regional indicator: two make a flag */
	GLYPH_IGNORE, /* no column, nothing to see; bidi controls among them: dropped */
};

enum glyph_class glyph_class_slow(uint32_t cp);

static inline enum glyph_class glyph_class(uint32_t cp)
{
	if (cp < 0x300)
		return cp == 0xa9 || cp == 0xae || cp == '#' || cp == '*' ||
			       (cp >= '0' && cp <= '9')
			   ? GLYPH_TEXT_PICT
			   : GLYPH_NARROW;
	if (cp >= 0x2500 && cp < 0x25a0) /* boxes */
		return GLYPH_NARROW;
	if ((cp >= 0x4e00 && cp < 0xa000) || (cp >= 0xac00 && cp < 0xd7a4))
		return GLYPH_WIDE;
	return glyph_class_slow(cp);
}

static inline int glyph_columns(enum glyph_class c)
{
	return c == GLYPH_WIDE || c == GLYPH_PICT || c == GLYPH_SKIN ? 2 : 1;
}

/* True if cp (of class c) belongs to the cluster whose text ends in last (of a cluster that starts
 * with base; flags: regional indicators in it). */
bool glyph_joins(uint32_t base, uint32_t last, unsigned flags, uint32_t cp, enum glyph_class c);

#endif
