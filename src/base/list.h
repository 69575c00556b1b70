#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* An intrusive doubly linked ring: a list is a node that stands for no element. */
struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_append(struct list *l, struct list *node)
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}

/* Take node out of its list; it is then a list of its own, so removing it again does nothing. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Walk l; the current node may be removed in the body. */
/* NOLINTBEGIN(bugprone-macro-parentheses): `it` is a name to declare. */
#define LIST_EACH(it, l)                                                    \
	for (struct list *it = (l)->next, *it##_next = it->next; it != (l); \
		it = it##_next, it##_next = it->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
