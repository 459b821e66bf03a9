#pragma once
/*
 * What `uiautomator dump` prints (an XML tree of nodes), as the list of elements that VirtualPyTest's programs read:
 *   {"id": 1…, "text", "className", "contentDesc", "package": the resource id, "bounds": {left, top, right, bottom},
 *    "clickable", "enabled", "xpath": null}
 * What is empty reads "<no text>", "<no resource-id>", "<no content-desc>", as there; nodes that say nothing are left out.
 * Source: frameworks/base, AccessibilityNodeInfoDumper.java (attributes), VirtualPyTest's adb_utils.py (the list). Pure, any
 * thread; it is fed in pieces, so that a long text takes turns.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbElements TbElements;
TbElements *tb_elements_new(void);
/* False with TB_ERROR_DEVICE (no such text) or TB_ERROR_TOO_LARGE (more than TB_LIMIT_UI_ELEMENTS). */
bool tb_elements_feed(TbElements *elements, const char *text, gsize size, GError **error);
json_t *tb_elements_end(TbElements *elements, GError **error); /* array, new reference; NULL as above */
void tb_elements_free(TbElements *elements);

/* [{"element_id", "match_reason", "text", "content_desc", "resource_id", "class_name", "bounds": "[l,t][r,b]", "clickable"}] of those
 * that have `term` in a text, description, resource id or class, whatever the case; new reference. */
json_t *tb_elements_find(json_t *elements, const char *term);
/* The one with this id, or the first of which find() would say `term`; borrowed; NULL: none. Of "A|B" the first that is there. */
json_t *tb_elements_pick(json_t *elements, const char *term, gint64 id);
