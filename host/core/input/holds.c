#include "host/core/input/holds.h"

#include <math.h>
#include <string.h>

#include "host/core/input/made.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

typedef struct Key {
        char *text, *code; /* as in TbInput */
} Key;

typedef struct Holder {
        GArray *keys; /* of Key, in the order in which they went down */
        int buttons;  /* that the device sees */
        int refused; /* that went down while somebody else had the pointer: they count when they go down again */
        double x, y;
        double wheel_x, wheel_y; /* clicks that are not whole yet */
        bool gone;
} Holder;

struct TbHolds {
        TbRefCount ref;
        TbMutex lock;
        GHashTable *holders; /* who -> owned Holder */
};

static void key_clear(gpointer data)
{
        Key *key = data;
        g_free(key->text);
        g_free(key->code);
}

static void holder_free(gpointer data)
{
        Holder *holder = data;
        g_array_unref(holder->keys);
        g_free(holder);
}

TbHolds *tb_holds_new(void)
{
        TbHolds *holds = g_new0(TbHolds, 1);
        tb_ref_init(&holds->ref);
        tb_mutex_init(&holds->lock);
        holds->holders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, holder_free);
        return holds;
}

TbHolds *tb_holds_ref(TbHolds *holds)
{
        tb_ref_inc(&holds->ref);
        return holds;
}

void tb_holds_unref(TbHolds *holds)
{
        if (!holds || !tb_ref_dec(&holds->ref))
                return;
        g_hash_table_unref(holds->holders);
        tb_mutex_clear(&holds->lock);
        g_free(holds);
}

static Holder *holder_of(TbHolds *holds, const char *who)
{
        Holder *holder = g_hash_table_lookup(holds->holders, who);
        if (holder)
                return holder;
        holder = g_new0(Holder, 1);
        holder->keys = g_array_new(FALSE, FALSE, sizeof(Key));
        g_array_set_clear_func(holder->keys, key_clear);
        g_hash_table_insert(holds->holders, g_strdup(who), holder);
        return holder;
}

/* --- keys --- */
static int index_of(const Holder *holder, const char *text, const char *code)
{
        for (guint i = 0; i < holder->keys->len; i++) {
                const Key *key = &g_array_index(holder->keys, Key, i);
                if (g_strcmp0(key->code, code) == 0 && (code || g_strcmp0(key->text, text) == 0))
                        return (int)i;
        }
        return -1;
}

static gunichar character_of(const char *text)
{
        return text && *text && !*g_utf8_next_char(text) ? g_utf8_get_char(text) : 0;
}

/* A key may come up by another name than it went down by: Shift came up first. Which name that is, is the viewer's layout's
 * matter (" and ', 1 and &): letters are told by their case, else it is the character that is down longest. */
static int index_of_up(const Holder *holder, const TbInput *event)
{
        int at = index_of(holder, event->text, event->code), oldest = -1;
        gunichar c = event->code ? 0 : character_of(event->text);
        for (guint i = 0; at < 0 && c && i < holder->keys->len; i++) {
                const Key *key = &g_array_index(holder->keys, Key, i);
                gunichar down = key->code ? 0 : character_of(key->text);
                if (down && g_unichar_tolower(down) == g_unichar_tolower(c))
                        at = (int)i;
                else if (down && oldest < 0)
                        oldest = (int)i;
        }
        return at >= 0 ? at : oldest;
}

static bool somebody_holds(TbHolds *holds, const Holder *but, const char *text, const char *code)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, holds->holders);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (value != but && index_of(value, text, code) >= 0)
                        return true;
        return false;
}

static guint modifiers_of(const Holder *holder)
{
        guint modifiers = 0;
        for (guint i = 0; i < holder->keys->len; i++) {
                const Key *key = &g_array_index(holder->keys, Key, i);
                modifiers |= tb_made_modifier(key->text, key->code);
        }
        return modifiers;
}

/* The name by which it went down. */
static const char *take_down(Holder *holder, guint at, GPtrArray *strings)
{
        char *name = g_steal_pointer(&g_array_index(holder->keys, Key, at).text);
        g_array_remove_index(holder->keys, at);
        g_ptr_array_add(strings, name);
        return name;
}

static bool apply_key(TbHolds *holds, Holder *holder, const TbInput *event, GArray *out, GPtrArray *strings,
                      GError **error)
{
        TbInput in = *event;
        int at = in.action == TB_KEY_UP ? index_of_up(holder, event) : index_of(holder, in.text, in.code);
        switch (in.action) {
        case TB_KEY_DOWN:
                if (at < 0 && holder->keys->len >= TB_LIMIT_INPUT_HELD) {
                        tb_set_error(error, TB_ERROR_LIMIT, "%d keys are down already: let some go",
                                     TB_LIMIT_INPUT_HELD);
                        return false;
                }
                in.exact = !in.code && tb_made_exact(modifiers_of(holder), in.text);
                if (at < 0) {
                        const Key key = {g_strdup(in.text), g_strdup(in.code)};
                        g_array_append_val(holder->keys, key);
                }
                break;
        case TB_KEY_UP:
                if (at >= 0)
                        in.text = take_down(holder, (guint)at, strings);
                if (somebody_holds(holds, holder, in.text, in.code))
                        return true;
                break;
        case TB_KEY_PRESS: in.exact = !in.code && tb_made_exact(modifiers_of(holder), in.text); break;
        }
        g_array_append_val(out, in);
        return true;
}

/* --- the pointer --- */
static const Holder *who_drags(TbHolds *holds, const Holder *but)
{
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, holds->holders);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (value != but && ((Holder *)value)->buttons)
                        return value;
        return NULL;
}

static bool busy(GError **error)
{
        tb_set_error(error, TB_ERROR_BUSY,
                     "somebody else has a button of the pointer down: wait until it is let go");
        return false;
}

/* Moves of the others are nothing to tell of: the pointer is somewhere else. What they press is. */
static bool apply_pointer(TbHolds *holds, Holder *holder, const TbInput *event, GArray *out, GError **error)
{
        TbInput in = *event;
        if (who_drags(holds, holder)) {
                int pressed = in.buttons & ~holder->refused;
                holder->refused = in.buttons;
                return !pressed || busy(error);
        }
        holder->refused &= in.buttons;
        in.buttons &= ~holder->refused;
        holder->buttons = in.buttons;
        holder->x = in.x;
        holder->y = in.y;
        g_array_append_val(out, in);
        return true;
}

static double whole(double *sum)
{
        double clicks = CLAMP(trunc(*sum), -100, 100);
        *sum -= clicks;
        if (fabs(*sum) > 100)
                *sum = 0;
        return clicks;
}

static void apply_scroll(Holder *holder, const TbInput *event, GArray *out)
{
        TbInput in = *event;
        holder->wheel_x += in.x2;
        holder->wheel_y += in.y2;
        in.x2 = whole(&holder->wheel_x);
        in.y2 = whole(&holder->wheel_y);
        if (in.x2 != 0 || in.y2 != 0)
                g_array_append_val(out, in);
}

static bool apply(TbHolds *holds, Holder *holder, const TbInput *event, GArray *out, GPtrArray *strings,
                  GError **error)
{
        switch (event->type) {
        case TB_INPUT_KEY: return apply_key(holds, holder, event, out, strings, error);
        case TB_INPUT_TEXT: g_array_append_val(out, *event); return true;
        case TB_INPUT_POINTER: return apply_pointer(holds, holder, event, out, error);
        case TB_INPUT_TAP:
        case TB_INPUT_SWIPE:
        case TB_INPUT_SCROLL: break;
        }
        if (who_drags(holds, holder))
                return busy(error);
        if (event->type == TB_INPUT_SCROLL)
                apply_scroll(holder, event, out);
        else
                g_array_append_val(out, *event);
        return true;
}

bool tb_holds_apply(TbHolds *holds, const char *who, const TbInput *event, GArray *out, GPtrArray *strings,
                    GError **error)
{
        tb_mutex_lock(&holds->lock);
        bool ok = apply(holds, holder_of(holds, who), event, out, strings, error);
        tb_mutex_unlock(&holds->lock);
        return ok;
}

void tb_holds_refused(TbHolds *holds, const char *who, const TbInput *event)
{
        if (event->type != TB_INPUT_KEY || event->action != TB_KEY_DOWN)
                return;
        tb_mutex_lock(&holds->lock);
        Holder *holder = holder_of(holds, who);
        int at = index_of(holder, event->text, event->code);
        if (at >= 0)
                g_array_remove_index(holder->keys, (guint)at);
        tb_mutex_unlock(&holds->lock);
}

/* --- letting go --- */
void tb_holds_let_go(TbHolds *holds, const char *who)
{
        tb_mutex_lock(&holds->lock);
        GHashTableIter iter;
        gpointer name, value;
        g_hash_table_iter_init(&iter, holds->holders);
        while (g_hash_table_iter_next(&iter, &name, &value))
                if (!who || strcmp(name, who) == 0)
                        ((Holder *)value)->gone = true;
        tb_mutex_unlock(&holds->lock);
}

/* The last that went down comes up first. */
static void lift(TbHolds *holds, Holder *holder, GArray *out, GPtrArray *strings)
{
        while (holder->keys->len > 0) {
                Key key = g_array_index(holder->keys, Key, holder->keys->len - 1);
                const TbInput up = {.type = TB_INPUT_KEY,
                                    .action = TB_KEY_UP,
                                    .text = g_strdup(key.text),
                                    .code = g_strdup(key.code)};
                g_array_set_size(holder->keys, holder->keys->len - 1);
                g_ptr_array_add(strings, (char *)up.text);
                g_ptr_array_add(strings, (char *)up.code);
                if (!somebody_holds(holds, holder, up.text, up.code))
                        g_array_append_val(out, up);
        }
        if (holder->buttons) {
                const TbInput up = {.type = TB_INPUT_POINTER, .x = holder->x, .y = holder->y};
                g_array_append_val(out, up);
        }
        holder->buttons = holder->refused = 0;
        holder->wheel_x = holder->wheel_y = 0;
}

void tb_holds_sweep(TbHolds *holds, GArray *out, GPtrArray *strings)
{
        tb_mutex_lock(&holds->lock);
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, holds->holders);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (((Holder *)value)->gone)
                        lift(holds, value, out, strings);
        tb_mutex_unlock(&holds->lock);
}

static gboolean is_over(gpointer name, gpointer value, gpointer who)
{
        const Holder *holder = value;
        return holder->gone && holder->keys->len == 0 && !holder->buttons && (!who || strcmp(name, who) == 0);
}

void tb_holds_forget(TbHolds *holds, const char *who)
{
        tb_mutex_lock(&holds->lock);
        g_hash_table_foreach_remove(holds->holders, is_over, (gpointer)who);
        tb_mutex_unlock(&holds->lock);
}

static gboolean is_gone(gpointer name, gpointer value, gpointer who)
{
        return ((const Holder *)value)->gone && (!who || strcmp(name, who) == 0);
}

void tb_holds_drop(TbHolds *holds, const char *who)
{
        tb_mutex_lock(&holds->lock);
        g_hash_table_foreach_remove(holds->holders, is_gone, (gpointer)who);
        tb_mutex_unlock(&holds->lock);
}

bool tb_holds_knows(TbHolds *holds, const char *who)
{
        tb_mutex_lock(&holds->lock);
        bool knows = g_hash_table_contains(holds->holders, who);
        tb_mutex_unlock(&holds->lock);
        return knows;
}
