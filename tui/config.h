/*
 * config - what <config>/config.toml says about the front end, section [ui]:
 *
 *   prefix = "C-a"       key before the commands
 *   clipboard = "ask"    a program that sets the clipboard: "ask" (prefix y takes it), "focused"
 *                        (the program in the focused pane may), "off"
 *   bell = true          the focused program's bell is heard
 *   notifications = true programs' notifications are shown in the status line
 *   mouse = true         mouse reports are asked for at the start
 *   theme = "mocha"      colours: terminal (its own), mocha, latte, frappe, macchiato, tokyo-night,
 *                        minimal (none); another name: terminal
 *
 * The sections and members that other parts and other programs have there are known by name and
 * left alone; what nobody has is an error that names the place.
 */
#ifndef NONO_TUI_CONFIG_H
#define NONO_TUI_CONFIG_H

#include "common/common.h"

enum clipboard_policy { CLIPBOARD_ASK = 0, CLIPBOARD_FOCUSED, CLIPBOARD_OFF };

struct tui_config {
	char prefix[32];
	enum clipboard_policy clipboard;
	bool bell, notifications, mouse;
	char theme[32];
};
void config_defaults(struct tui_config *c);
int config_parse(struct tui_config *c, const char *text, size_t n, const char *label,
		 struct err *err);
/* A missing file is no error. */
int config_load(struct tui_config *c, struct err *err);

#endif
