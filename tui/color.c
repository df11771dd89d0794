/* Colours for terminals that have fewer. */
#include "tui/output.h"

static const uint8_t steps[6] = {0, 95, 135, 175, 215, 255};

/* xterm's default values of the first 16. */
static const uint32_t basic[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
				   0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
				   0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};

static int channel(uint32_t rgb, int shift)
{
	return (int)(rgb >> shift & 0xff);
}

static int distance(uint32_t a, uint32_t b)
{
	int sum = 0;

	for (int shift = 0; shift <= 16; shift += 8) {
		int d = channel(a, shift) - channel(b, shift);

		sum += d * d;
	}
	return sum;
}

static int nearest_step(int v)
{
	int best = 0;

	for (int i = 1; i < 6; i++)
		if (abs(steps[i] - v) < abs(steps[best] - v))
			best = i;
	return best;
}

static uint32_t index_rgb(uint32_t i)
{
	if (i < 16)
		return basic[i];
	if (i < 232) {
		i -= 16;
		return (uint32_t)steps[i / 36] << 16 | (uint32_t)steps[i / 6 % 6] << 8 |
		       steps[i % 6];
	}
	return (8 + (i - 232) * 10) * 0x010101u;
}

static uint32_t rgb_to_256(uint32_t rgb)
{
	int r = nearest_step(channel(rgb, 16)), g = nearest_step(channel(rgb, 8)),
	    b = nearest_step(channel(rgb, 0));
	uint32_t cube = (uint32_t)(16 + 36 * r + 6 * g + b);
	int level = (channel(rgb, 16) + channel(rgb, 8) + channel(rgb, 0)) / 3;
	uint32_t grey = 232u + (uint32_t)(level < 8 ? 0 : level > 238 ? 23 : (level - 3) / 10);

	return distance(index_rgb(grey), rgb) < distance(index_rgb(cube), rgb) ? grey : cube;
}

static uint32_t rgb_to_16(uint32_t rgb)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < 16; i++)
		if (distance(basic[i], rgb) < distance(basic[best], rgb))
			best = i;
	return best;
}

uint32_t color_degrade(uint32_t color, enum color_depth depth)
{
	uint32_t type = color & PTY_COLOR_TYPE, value = color & 0xffffff;

	if (depth == COLORS_NONE)
		return PTY_COLOR_DEFAULT;
	if (type == PTY_COLOR_RGB && depth == COLORS_256)
		return PTY_COLOR_INDEX | rgb_to_256(value);
	if (type == PTY_COLOR_RGB && depth == COLORS_16)
		return PTY_COLOR_INDEX | rgb_to_16(value);
	if (type == PTY_COLOR_INDEX && depth == COLORS_16 && value >= 16)
		return PTY_COLOR_INDEX | rgb_to_16(index_rgb(value & 0xff));
	return color;
}
