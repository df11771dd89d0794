/*
 * setup - what this machine can hold, as a list of findings by phases.
 */
#ifndef NONO_CLI_SETUP_H
#define NONO_CLI_SETUP_H

#include "cli/cli.h"

enum setup_state {
	SETUP_OK = 0,
	SETUP_WEAK, /* works, with less in it */
	SETUP_BAD,  /* no session can run, or none can be kept apart */
};

struct setup_finding {
	const char *phase, *name; /* static */
	enum setup_state state;
	bool detail; /* with -v only */
	char *value;
	char *fix; /* the command that would change it, NULL if there is none */
};
struct setup_report {
	struct setup_finding *v;
	size_t n;
	const char *phase;
};

/* Appends to the present phase. fix is taken over. */
struct setup_finding *setup_add(struct setup_report *r, enum setup_state state, const char *name,
				char *fix, const char *fmt, ...) _printf_(5, 6);

/* setup_system.c: what belongs to the machine */
void setup_program(struct setup_report *r);
void setup_platform(struct setup_report *r);
void setup_sandbox(struct setup_report *r, const struct nono_probe *p);
void setup_namespaces(struct setup_report *r, const struct nono_probe *p);
void setup_limits(struct setup_report *r);
/* setup_user.c: what belongs to the user */
void setup_terminal(struct setup_report *r);
void setup_directories(struct setup_report *r, bool make);
void setup_protections(struct setup_report *r);
void setup_agents(struct setup_report *r);
void setup_example(struct setup_report *r, bool write);

#endif
