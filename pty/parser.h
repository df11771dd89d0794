/*
 * Splits a terminal's byte stream into text, controls and sequences (ECMA-48, and DEC's state
 * machine as Paul Williams described it), UTF-8 only. Cuts may fall anywhere. Bounded: parameters
 * beyond PARSER_PARAMS and strings beyond their limit are swallowed, never stored.
 *
 * Not libvterm's parser layer: that of 0.1.4 keeps 16 parameters (one SGR of a real agent has more)
 * and loses the first part of a string that is cut in two.
 */
#ifndef NONO_PTY_PARSER_H
#define NONO_PTY_PARSER_H

#include "common/common.h"

#define PARSER_PARAMS  32
#define PARSER_VALUE   99999
#define PARSER_OSC_MAX (1u << 20) /* OSC 52 carries text */
#define PARSER_DCS_MAX 4096

struct parser_csi {
	int param[PARSER_PARAMS]; /* -1: left out */
	int n;			  /* parameters, at least 1 */
	uint32_t sub;		  /* bit i: param[i] follows a colon */
	uint8_t leader;		  /* one of "<=>?", or 0 */
	uint8_t inter;		  /* intermediate byte, 0 for none */
	uint8_t final;
};

enum parser_string { PARSER_OSC, PARSER_DCS, PARSER_OTHER /* APC, PM, SOS */ };

struct parser_events {
	void (*ascii)(void *data, const uint8_t *s, size_t n); /* 0x20..0x7e */
	void (*rune)(void *data, uint32_t cp);		       /* >= 0xa0 */
	void (*control)(void *data, uint8_t c);		       /* C0 without ESC, CAN, SUB */
	void (*escape)(void *data, uint8_t inter, uint8_t final);
	void (*csi)(void *data, const struct parser_csi *c);
	/* A whole string without its introducer and terminator; bel: ended by BEL. */
	void (*string)(void *data, enum parser_string kind, char *s, size_t n, bool bel);
};

struct parser {
	const struct parser_events *ev;
	void *data;
	int state;
	struct parser_csi csi;
	bool bad;		     /* the sequence under way will be ignored */
	uint8_t carry[4], carry_len; /* beginning of a UTF-8 sequence */
	enum parser_string kind;
	bool overflow;
	struct buf text;
};

void parser_init(struct parser *p, const struct parser_events *ev, void *data);
void parser_free(struct parser *p);
void parser_feed(struct parser *p, const uint8_t *s, size_t n);

#endif
