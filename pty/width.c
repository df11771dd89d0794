/* How many columns a code point takes and how it joins what stands before it. */
#include "pty/width.h"
#include "pty/width_table.h"

enum glyph_class glyph_class_slow(uint32_t cp)
{
	size_t lo = 0, hi = ARRAY_LEN(width_ranges);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct width_range *r = &width_ranges[mid];

		if (cp < r->first)
			hi = mid;
		else if (cp - r->first > r->more)
			lo = mid + 1;
		else
			return (enum glyph_class)r->cls;
	}
	return GLYPH_NARROW;
}

static bool pictograph(uint32_t cp)
{
	enum glyph_class c = glyph_class(cp);

	return cp >= 0xa9 && (c == GLYPH_PICT || c == GLYPH_TEXT_PICT);
}

bool glyph_joins(uint32_t base, uint32_t last, unsigned flags, uint32_t cp, enum glyph_class c)
{
	switch (c) {
	case GLYPH_ZERO:
	case GLYPH_ZWJ:
	case GLYPH_VS16:
		return true;
	case GLYPH_SKIN:
		return pictograph(last) || (last == 0xfe0f && pictograph(base)) ||
		       (last == 0x200d && pictograph(base));
	case GLYPH_FLAG:
		return flags == 1;
	case GLYPH_PICT:
	case GLYPH_TEXT_PICT:
		return last == 0x200d && pictograph(base) && pictograph(cp);
	default:
		return false;
	}
}
