"use strict";
// The figures are in the page already. What is done here: trees are selected, what removing
// them together frees is added up, tables are sorted.
(() => {
	const data = JSON.parse(document.getElementById("data").textContent);
	const pieces = data.pieces || [], work = data.work || [], trees = data.trees || [];
	const selected = new Set();
	const byId = id => document.getElementById(id);

	// As Go's fmt does it, what is half-way goes to the even digit.
	function fixed(x, digits) {
		const halfWay = (x * (digits ? 4 : 2)) % 2 === 1;
		if (!halfWay) return x.toFixed(digits);
		const low = Math.floor(x * 10 ** digits);
		return ((low + low % 2) / 10 ** digits).toFixed(digits);
	}

	// As phrase.Size says bytes.
	function size(bytes) {
		let n = bytes, unit = "B";
		for (const next of ["kB", "MB", "GB"]) {
			if (n < 999.5) break;
			n /= 1000;
			unit = next;
		}
		return fixed(n, unit !== "B" && n < 9.95 ? 1 : 0) + " " + unit;
	}

	// As phrase.Cost says ms.
	function cost(ms) {
		const s = ms / 1000;
		if (ms <= 0) return "-";
		if (ms < 1000) return ms + " ms";
		if (s < 59.95) return fixed(s, 1) + " s";
		const n = Math.round(s), part = (a, b) => Math.floor(a / b);
		return n < 3600 ? `${part(n, 60)} min ${n % 60} s` : `${part(n, 3600)} h ${part(n % 3600, 60)} min`;
	}

	// As phrase.Loss says what goes.
	const loss = (frees, ms) => ms <= 0 ? `frees ${size(frees)}, and loses no unit` : `frees ${size(frees)}, and costs ${cost(ms)} to compile again`;

	const count = (n, noun) => n === 1 ? `1 ${noun}` : `${n} ${noun}s`;

	// What goes when those trees go for which gone is true: what nobody else holds.
	const goes = (shares, gone) => shares.reduce((sum, s) => !s.held && s.holders.every(gone) ? sum + s.amount : sum, 0);

	const treesOf = control => control.dataset.trees.split(" ").map(Number);

	function show() {
		for (const control of document.querySelectorAll("button[data-trees]")) {
			const of = treesOf(control), n = of.filter(i => selected.has(i)).length;
			control.setAttribute("aria-pressed", n === of.length ? "true" : n ? "mixed" : "false");
		}
		for (const row of document.querySelectorAll("tr[data-trees]")) {
			row.classList.toggle("on", treesOf(row).every(i => selected.has(i)));
		}
		const gone = i => selected.has(i);
		const frees = goes(pieces, gone), ms = goes(work, gone);
		const alone = goes(pieces.filter(s => s.holders.length === 1), gone);
		const bar = document.querySelector(".bar"), said = byId("said");
		bar.hidden = selected.size === 0;
		document.body.classList.toggle("selecting", selected.size > 0);
		said.dataset.frees = frees;
		said.dataset.cost = ms;
		said.dataset.trees = selected.size;
		said.textContent = selected.size ? `Removing ${count(selected.size, "tree")} ${loss(frees, ms)}` : "";
		byId("live").textContent = said.textContent;
		byId("apart").textContent = selected.size < 2 ? "" :
			frees > alone ? `${size(alone)} if each were removed alone; ${size(frees - alone)} more since only these share it` : "These share nothing that only they hold";
		if (byId("part")) { // how much of what is shared goes
			const shared = Number(byId("shared").dataset.value);
			byId("part").style.height = `${100 * (frees - alone) / shared}%`;
			byId("goes").textContent = frees > alone ? `${size(frees - alone)} of it with the selection` : "";
		}
		const layers = [...selected].filter(i => trees[i].layer).map(i => trees[i].key.slice(0, 8));
		const command = byId("command");
		command.textContent = layers.length && layers.length === selected.size ? "cargo cow rm " + layers.join(" ") : "";
		command.hidden = !command.textContent;
	}

	function select(list, on) {
		for (const i of list) on ? selected.add(i) : selected.delete(i);
		show();
		// So that a reload, or a copied address, has the same selected.
		const hash = selected.size ? "#select=" + [...selected].map(i => encodeURIComponent(trees[i].layer ? trees[i].key.slice(0, 8) : trees[i].key)).join(",") : "#";
		try {
			history.replaceState(null, "", hash);
		} catch {
			// It is a comfort, and some browsers forbid it to files.
		}
	}

	const toggle = list => select(list, !list.every(i => selected.has(i)));

	// find returns the tree that is meant: by a path, an id or how it begins, or a label.
	function find(name) {
		const whole = trees.findIndex(t => t.key === name || t.label === name);
		return whole >= 0 || name.length < 4 ? whole : trees.findIndex(t => t.layer && t.key.startsWith(name));
	}

	// selectFromAddress takes up an address such as "du.html#select=1a2b3c4d,green".
	function selectFromAddress() {
		const wanted = /^#select=(.*)$/.exec(location.hash);
		if (!wanted) return;
		selected.clear();
		for (const word of wanted[1].split(",")) {
			try {
				const i = find(decodeURIComponent(word));
				if (i >= 0) selected.add(i);
			} catch {
				// It is no word of ours.
			}
		}
		show();
	}

	function sort(table, column) {
		const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells], head = heads[column];
		const numeric = head.classList.contains("n");
		// Numbers begin with the greatest, which are what one looks for.
		const order = head.ariaSort === "none" ? (numeric ? "descending" : "ascending") : head.ariaSort === "ascending" ? "descending" : "ascending";
		for (const h of heads) if (h.ariaSort) h.ariaSort = h === head ? order : "none";
		const sign = order === "ascending" ? 1 : -1;
		const compare = (a, b) => numeric ? a.dataset.value - b.dataset.value : a.textContent.localeCompare(b.textContent, "en", { numeric: true });
		body.append(...[...body.rows].sort((a, b) => sign * compare(a.cells[column], b.cells[column])));
	}

	document.addEventListener("click", event => {
		const head = event.target.closest("th button"), control = event.target.closest("button[data-trees]"), row = event.target.closest("tbody tr");
		if (head) sort(head.closest("table"), head.parentElement.cellIndex);
		else if (control) toggle(treesOf(control));
		else if (row && !String(getSelection())) toggle(treesOf(row));
	});
	document.addEventListener("keydown", event => {
		if (event.key === "Escape" && selected.size) select([...selected], false);
	});
	byId("clear").addEventListener("click", () => {
		select([...selected], false);
		document.querySelector(".map button, .chips button, .tick")?.focus();
	});
	addEventListener("hashchange", selectFromAddress);
	// What is sorted already says so.
	for (const table of document.querySelectorAll("table")) {
		const frees = [...table.tHead.rows[0].cells].find(h => h.textContent === "Frees");
		if (frees) frees.ariaSort = "descending";
	}
	document.documentElement.dataset.ready = "true";
	selectFromAddress();
})();
