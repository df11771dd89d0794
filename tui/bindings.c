/* The keys after the prefix. The help shows this table. */
#include "tui/app.h"

/* Direction and cells of act_resize() in one number. */
#define RESIZE(dir, cells) ((cells)*4 + (dir))
#define RESIZE_KEYS(mod, cells)                                                                 \
	{PTY_KEY_LEFT, mod, "move the border to the left", act_resize, RESIZE(DIR_LEFT, cells), \
	 true},                                                                                 \
	    {PTY_KEY_RIGHT,                                                                     \
	     mod,                                                                               \
	     "move the border to the right",                                                    \
	     act_resize,                                                                        \
	     RESIZE(DIR_RIGHT, cells),                                                          \
	     true},                                                                             \
	    {PTY_KEY_UP, mod, "move the border up", act_resize, RESIZE(DIR_UP, cells), true},   \
	{                                                                                       \
		PTY_KEY_DOWN, mod, "move the border down", act_resize, RESIZE(DIR_DOWN, cells), \
		    true                                                                        \
	}

static const struct binding table[] = {
    {'d', 0, "detach: leave, everything goes on", act_detach, 0, false},
    {'D', 0, "detach", act_detach, 0, false},
    {'d', PTY_CTRL, "detach", act_detach, 0, false},
    {'?', 0, "this list", act_help, 0, false},
    {'c', 0, "new agent in a tab of its own", act_new, 0, false},
    {'%', 0, "split into columns: new agent or a running one", act_split, SPLIT_COLUMNS, false},
    {'"', 0, "split into rows: new agent or a running one", act_split, SPLIT_ROWS, false},
    {'e', 0, "open requests", act_requests, 0, false},
    {'g', 0, "go to the next session that needs me", act_next_needy, 0, false},
    {'!', 0, "go to the next session that needs me", act_next_needy, 0, false},
    {'s', 0, "all sessions", act_sessions, 0, false},
    {'a', 0, "audit pane: what happens", act_audit, 0, false},
    {'v', 0, "violations pane: what was refused", act_violations, 0, false},
    {'N', 0, "network pane: hosts, and what went there", act_network, 0, false},
    {'R', 0, "review pane: what changed, accept it or put it back", act_review, 0, false},
    {'S', 0, "take a snapshot of what the session may write (run --rollback)", act_snapshot, 0,
     false},
    {'[', 0, "scroll back (also mouse wheel, Shift+wheel)", act_scroll, 0, false},
    {']', 0, "paste what was copied from a scrollback", act_paste, 0, false},
    {PTY_KEY_PGUP, 0, "scroll back by a page", act_scroll, 1, false},
    {PTY_KEY_LEFT, 0, "pane to the left", act_focus, DIR_LEFT, true},
    {PTY_KEY_RIGHT, 0, "pane to the right", act_focus, DIR_RIGHT, true},
    {PTY_KEY_UP, 0, "pane above", act_focus, DIR_UP, true},
    {PTY_KEY_DOWN, 0, "pane below", act_focus, DIR_DOWN, true},
    RESIZE_KEYS(PTY_CTRL, 1),
    RESIZE_KEYS(PTY_ALT, 5),
    {'z', 0, "zoom the pane, and back", act_zoom, 0, false},
    {'{', 0, "exchange with the pane before", act_swap, -1, false},
    {'}', 0, "exchange with the next pane", act_swap, 1, false},
    {' ', 0, "next arrangement of the panes", act_layout, 0, true},
    {'1', PTY_ALT, "all panes side by side", act_preset, PRESET_EVEN_HORIZONTAL, false},
    {'2', PTY_ALT, "all panes below each other", act_preset, PRESET_EVEN_VERTICAL, false},
    {'3', PTY_ALT, "a large pane above the others", act_preset, PRESET_MAIN_HORIZONTAL, false},
    {'4', PTY_ALT, "a large pane left of the others", act_preset, PRESET_MAIN_VERTICAL, false},
    {'5', PTY_ALT, "panes as tiles", act_preset, PRESET_TILED, false},
    {'o', 0, "next pane", act_cycle, 1, true},
    {'q', 0, "show the panes' numbers; a digit goes there", act_numbers, 0, false},
    {'x', 0, "end this session (asks first)", act_kill, 0, false},
    {'r', 0, "restart this session (asks first)", act_restart, 0, false},
    {'w', 0, "close the pane, the session goes on", act_pane_close, 0, false},
    {'n', 0, "next tab", act_tab_step, 1, false},
    {'p', 0, "previous tab", act_tab_step, -1, false},
    {'0', 0, "tab 0", act_tab, 0, false},
    {'1', 0, "tab 1", act_tab, 1, false},
    {'2', 0, "tab 2", act_tab, 2, false},
    {'3', 0, "tab 3", act_tab, 3, false},
    {'4', 0, "tab 4", act_tab, 4, false},
    {'5', 0, "tab 5", act_tab, 5, false},
    {'6', 0, "tab 6", act_tab, 6, false},
    {'7', 0, "tab 7", act_tab, 7, false},
    {'8', 0, "tab 8", act_tab, 8, false},
    {'9', 0, "tab 9", act_tab, 9, false},
    {'&', 0, "close the tab, its sessions go on", act_tab_close, 0, false},
    {',', 0, "rename the tab", act_tab_rename, 0, false},
    {'y', 0, "take what a program offers for the clipboard", act_clipboard, 0, false},
    {'m', 0, "mouse on or off (off: the terminal's own selection)", act_mouse, 0, false},
};

const struct binding *bindings(size_t *n)
{
	*n = ARRAY_LEN(table);
	return table;
}

const struct binding *binding_find(uint32_t key, unsigned mods)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].key == key && table[i].mods == mods)
			return &table[i];
	return NULL;
}
