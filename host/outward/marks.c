#include "host/outward/marks.h"

typedef struct Mark {
        gint64 t, sent_us;
        guint64 sent;
} Mark;

void tb_marks_init(TbMarks *m)
{
        *m = (TbMarks){0};
        g_queue_init(&m->marks);
}

void tb_marks_clear(TbMarks *m)
{
        g_queue_clear_full(&m->marks, g_free);
        m->sent = m->arrived = m->marked = 0;
        m->trip_us = 0;
}

bool tb_marks_sent(TbMarks *m, gsize bytes)
{
        m->sent += bytes;
        return m->sent - m->marked >= TB_MARKS_EVERY;
}

gint64 tb_marks_add(TbMarks *m, gint64 now_us)
{
        Mark *mark = g_new(Mark, 1);
        *mark = (Mark){++m->next_t, now_us, m->sent};
        g_queue_push_tail(&m->marks, mark);
        m->marked = m->sent;
        return mark->t;
}

/* Lines change, so the quickest is forgotten slowly. */
static void note_trip(TbMarks *m, gint64 us)
{
        m->trip_us = !m->trip_us || us < m->trip_us ? MAX(us, 1) : m->trip_us + (us - m->trip_us) / 16;
}

void tb_marks_pong(TbMarks *m, gint64 t, gint64 now_us)
{
        Mark *mark;
        while ((mark = g_queue_peek_head(&m->marks)) && mark->t <= t) {
                m->arrived = mark->sent;
                if (mark->t == t)
                        note_trip(m, now_us - mark->sent_us);
                g_free(g_queue_pop_head(&m->marks));
        }
}

bool tb_marks_arrived(const TbMarks *m, gint64 t)
{
        const Mark *oldest = m->marks.head ? m->marks.head->data : NULL;
        return !oldest || oldest->t > t;
}

bool tb_marks_are_late(const TbMarks *m, gint64 now_us)
{
        const Mark *oldest = m->marks.head ? m->marks.head->data : NULL;
        return oldest && m->trip_us && now_us - oldest->sent_us > m->trip_us + TB_MARKS_LATE_US;
}
