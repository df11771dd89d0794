/* init_setup - what init makes before the program exists: its terminal, sockets in its network. */
#ifndef NONO_SESSIONS_INIT_SETUP_H
#define NONO_SESSIONS_INIT_SETUP_H

#include "sessions/init.h"

/* Tells the broker why, and ends. */
_Noreturn void init_fail(const struct init_config *cfg, const struct nono_layers *layers,
			 bool enter, int code, const char *text);
/* The master; -1 with why. */
int init_open_pty(const struct init_config *cfg, int *slave, char *why, size_t size);
int init_lend_terminal(const struct init_config *cfg, int slave);
void init_open_proxy_socket(struct init_config *cfg, const struct nono_layers *layers);
/* What orders sockets of this network there; init's end. */
int init_send_maker(const struct init_config *cfg, const struct nono_layers *layers);
void init_send_ways(const struct init_config *cfg, const struct nono_layers *layers);

#endif
