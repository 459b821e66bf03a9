#include "server/store/audit_check.h"

#include <string.h>

#include "lib/clock.h"
#include "server/store/audit_chain.h"

typedef struct Erased {
        guint seen, said; /* entries that bear the pseudonym; what the entry of the erasure says */
} Erased;

struct TbAuditCheck {
        gint64 head_id, base_id, after, first_at, last_at;
        char *head_hash, *base_hash; /* owned; NULL: there is no head */
        char *known;                 /* owned; NULL: none was asked for */
        bool known_is_there;
        char *expect,
                *before;  /* owned: what the next entry must follow; what the last one should have followed */
        TbAuditRow *last; /* owned; NULL: none yet */
        char *forgotten;  /* owned: what the newest entry says of those that went */
        GHashTable *erased; /* pseudonym, owned -> Erased, owned */
        guint64 entries, sealed, found;
        json_t *findings; /* owned */
};

TbAuditCheck *tb_audit_check_new(const TbDbResult *head, const char *known)
{
        TbAuditCheck *c = g_new0(TbAuditCheck, 1);
        if (tb_db_rows(head) > 0) {
                c->head_id = tb_db_get_int(head, 0, 0);
                c->head_hash = g_strdup(tb_db_get_text(head, 0, 1));
                c->base_id = tb_db_get_int(head, 0, 2);
                c->base_hash = g_strdup(tb_db_get_text(head, 0, 3));
        }
        c->known = g_strdup(known);
        c->known_is_there = !known || g_strcmp0(known, TB_AUDIT_GENESIS) == 0;
        c->after = G_MININT64;
        c->expect = g_strdup(c->base_hash ? c->base_hash : TB_AUDIT_GENESIS);
        c->erased = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        c->findings = json_array();
        return c;
}

void tb_audit_check_free(TbAuditCheck *c)
{
        if (!c)
                return;
        g_free(c->head_hash);
        g_free(c->base_hash);
        g_free(c->known);
        g_free(c->expect);
        g_free(c->before);
        g_free(c->forgotten);
        if (c->last)
                tb_audit_row_free(c->last);
        g_hash_table_unref(c->erased);
        json_decref(c->findings);
        g_free(c);
}

gint64 tb_audit_check_after(const TbAuditCheck *c)
{
        return c->after;
}

gint64 tb_audit_check_to(const TbAuditCheck *c)
{
        return c->head_hash ? c->head_id : G_MAXINT64;
}

static void find(TbAuditCheck *c, const TbAuditRow *row, const char *kind, const char *what)
{
        c->found++;
        if (json_array_size(c->findings) >= TB_AUDIT_FINDINGS)
                return;
        g_autofree char *at = row ? tb_clock_rfc3339(row->at_ms) : NULL;
        json_array_append_new(c->findings,
                              json_pack("{s:o, s:o, s:s, s:s}", "id",
                                        row ? json_integer(row->id) : json_null(), "at",
                                        at ? json_string(at) : json_null(), "kind", kind, "what", what));
}

/* --- what stands for somebody who was erased --- */
static Erased *erased_of(TbAuditCheck *c, const char *pseudonym)
{
        Erased *e = g_hash_table_lookup(c->erased, pseudonym);
        if (!e) {
                e = g_new0(Erased, 1);
                g_hash_table_insert(c->erased, g_strdup(pseudonym), e);
        }
        return e;
}

static void look_at_sealed(TbAuditCheck *c, const TbAuditRow *row)
{
        const char *pseudonym = NULL;
        bool sealed = false, good = true;
        for (guint i = 0; i < TB_AUDIT_FIELDS; i++) {
                if (!tb_audit_row_is_sealed(row, i))
                        continue;
                sealed = true;
                good = good && (!*row->fields[i] || g_str_has_prefix(row->fields[i], TB_AUDIT_ERASED));
                pseudonym = *row->fields[i] ? row->fields[i] : pseudonym;
        }
        c->sealed += sealed;
        if (sealed && (!good || !pseudonym))
                find(c, row, "changed",
                     "what was erased of this entry has something in its place that no erasure puts there");
        else if (sealed)
                erased_of(c, pseudonym)->seen++;
}

/* Entries of an erasure say how many others bear the pseudonym: "erased-0a1b2c3d 57". */
static void take_said(TbAuditCheck *c, const TbAuditRow *row)
{
        const char *object = row->fields[TB_AUDIT_OBJECT], *blank = strchr(object, ' ');
        if (strcmp(row->fields[TB_AUDIT_ACTION], "audit.forget") == 0) {
                g_free(c->forgotten);
                c->forgotten = g_strdup(object);
        } else if (strcmp(row->fields[TB_AUDIT_ACTION], "privacy.erase") == 0 && blank) {
                g_autofree char *pseudonym = g_strndup(object, (gsize)(blank - object));
                erased_of(c, pseudonym)->said += (guint)g_ascii_strtoull(blank, NULL, 10);
        }
}

/* --- the chain --- */
static void move_on(TbAuditCheck *c, const char *hash)
{
        g_free(c->before);
        c->before = g_steal_pointer(&c->expect);
        c->expect = g_strdup(hash ? hash : "");
}

static void look_at_row(TbAuditCheck *c, const TbAuditRow *row)
{
        g_autofree char *hash = tb_audit_row_hash(row);
        bool own = g_strcmp0(hash, row->hash) == 0, linked = g_strcmp0(row->prev, c->expect) == 0,
             last_was_inserted = c->last && g_strcmp0(row->prev, c->before) == 0;
        if (own && linked) {
                take_said(c, row);
                look_at_sealed(c, row);
                move_on(c, row->hash);
        } else if (linked) {
                find(c, row, "changed", "this entry is not what was written: its hash is another one");
                move_on(c, row->hash);
        } else if (!own) {
                find(c, row, "inserted",
                     "this entry was put in, or changed altogether: its hash is another one, and it does not "
                     "follow "
                     "the entry before it");
        } else if (last_was_inserted) {
                find(c, c->last, "inserted",
                     "this entry was put in: the one after it follows the one before it");
                g_free(c->expect);
                c->expect = g_strdup(c->before); /* it follows that one; what is expected next is its own */
                take_said(c, row);
                move_on(c, row->hash);
        } else {
                find(c, row, "missing",
                     c->last ? "what this entry follows is not there: entries before it were taken out, or "
                               "the one "
                               "before it was written anew"
                             : "what this entry follows is not there: the oldest entries were taken out");
                take_said(c, row);
                move_on(c, row->hash);
        }
}

void tb_audit_check_rows(TbAuditCheck *c, const TbDbResult *rows)
{
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                TbAuditRow *row = tb_audit_chain_row(rows, i);
                look_at_row(c, row);
                c->known_is_there = c->known_is_there || g_strcmp0(row->hash, c->known) == 0;
                c->first_at = c->entries ? c->first_at : row->at_ms;
                c->last_at = row->at_ms;
                c->entries++;
                c->after = row->id;
                if (c->last)
                        tb_audit_row_free(c->last);
                c->last = row;
        }
}

/* --- the end --- */
static void look_at_head(TbAuditCheck *c)
{
        if (!c->head_hash && c->entries > 0)
                find(c, NULL, "missing",
                     "the head of the chain is not there: what the newest entry was is not known");
        if (c->head_hash && c->head_id > 0 &&
            (!c->last || c->last->id != c->head_id || g_strcmp0(c->last->hash, c->head_hash) != 0))
                find(c, c->last, "missing",
                     "the newest entry is not the one that was written last: the newest were taken out, or "
                     "changed");
        g_autofree char *base =
                g_strdup_printf("%" G_GINT64_FORMAT " %s", c->base_id, c->base_hash ? c->base_hash : "");
        if (c->base_hash && strcmp(c->base_hash, TB_AUDIT_GENESIS) != 0 && g_strcmp0(c->forgotten, base) != 0)
                find(c, NULL, "missing",
                     "the oldest entries are gone, and no entry says that they went for their age");
        c->known_is_there = c->known_is_there || g_strcmp0(c->known, c->base_hash) == 0;
        if (!c->known_is_there)
                find(c, NULL, "missing",
                     "the hash that you noted is not in the chain: it was written anew, or that entry has "
                     "gone for its age");
}

static void look_at_erasures(TbAuditCheck *c)
{
        GHashTableIter iter;
        gpointer pseudonym, value;
        g_hash_table_iter_init(&iter, c->erased);
        while (g_hash_table_iter_next(&iter, &pseudonym, &value)) {
                const Erased *e = value;
                if (e->seen <= e->said)
                        continue;
                g_autofree char *what = g_strdup_printf("%u entries are said to be of somebody who was "
                                                        "erased (%s), the entry of that erasure tells of %u",
                                                        e->seen, (const char *)pseudonym, e->said);
                find(c, NULL, "changed", what);
        }
}

json_t *tb_audit_check_end(TbAuditCheck *c)
{
        look_at_head(c);
        look_at_erasures(c);
        g_autofree char *first = c->entries ? tb_clock_rfc3339(c->first_at) : NULL,
                        *last = c->entries ? tb_clock_rfc3339(c->last_at) : NULL;
        return json_pack("{s:b, s:I, s:I, s:s?, s:s?, s:s, s:I, s:O}", "ok", c->found == 0, "entries",
                         (json_int_t)c->entries, "erased", (json_int_t)c->sealed, "first", first, "last",
                         last, "head", c->head_hash ? c->head_hash : TB_AUDIT_GENESIS, "found",
                         (json_int_t)c->found, "findings", c->findings);
}

bool tb_audit_check_is_stale(const TbAuditCheck *c, const TbDbResult *now)
{
        return c->found > 0 && tb_db_rows(now) > 0 && tb_db_get_int(now, 0, 2) != c->base_id;
}
