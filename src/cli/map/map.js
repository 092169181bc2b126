// SPDX-License-Identifier: MIT
// The program of the page that avld map writes: draws the tracks on a canvas above the map, and fills the table.
//
// Text from the database goes into the page as textContent or is drawn on the canvas, never as HTML. Times are seconds since
// 1970, places are degrees * 1e5. Places on the map are Web Mercator, 0 to 1, so that a zoom is one multiplication.
'use strict';

(function () {
	const MINUTE = 60, HOUR = 3600, DAY = 86400;
	const ROWS_MAX = 500; // rows of the table that are in the page at once
	const LABELS_MAX = 200; // trackers with a label on the map
	const DOTS_MAX = 3000; // points with a dot of their own
	const MERGE_PX = 2; // less than the width of a line
	const PATH_MAX = 100; // lines of a path
	const SEGMENTS_MAX = 10000; // lines that are drawn anew while the map moves
	const REACH_PX = 12; // how far from a click its target may be
	const UNKNOWN = 6, GAP = 7;
	const CLASSES = [
		{below: 5, color: '#313695', text: 'below 5 km/h'},
		{below: 30, color: '#2c7bb6', text: '5 to 30'},
		{below: 50, color: '#1a9850', text: '30 to 50'},
		{below: 80, color: '#e0a800', text: '50 to 80'},
		{below: 120, color: '#f46d43', text: '80 to 120'},
		{below: Infinity, color: '#c2185b', text: '120 and more'},
		{below: null, color: '#777777', text: 'no speed'},
		{below: null, color: '#c4c4c4', text: 'no report for 10 minutes'},
	];
	const KINDS = {
		trip: {color: '#444444', text: 'trips', sign: ''},
		stop: {color: '#1565c0', text: 'stops', sign: 'P'},
		alarm: {color: '#d50000', text: 'alarms', sign: '!'},
		photo: {color: '#6a1b9a', text: 'photos', sign: '\u25a3'},
	};

	const byId = id => document.getElementById(id);
	const data = JSON.parse(byId('data').textContent);
	const tiles = JSON.parse(byId('tiles').textContent);
	const names = new Map(data.devices.map(([id, ident, name]) => [id, name ? `${name} (${ident})` : ident]));
	const nameOf = id => names.get(id) || `device ${id}`;

	// ---- text

	const two = number => String(number).padStart(2, '0');

	// In the time zone of the browser.
	function timeText(seconds) {
		const time = new Date(seconds * 1000);
		return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ` +
			`${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
	}

	function utcText(seconds) {
		return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
	}

	function durationText(seconds) {
		const days = Math.floor(seconds / DAY), hours = Math.floor(seconds % DAY / HOUR);
		const minutes = Math.floor(seconds % HOUR / MINUTE);
		if (days)
			return `${days} d ${hours} h`;
		if (hours)
			return `${hours} h ${minutes} min`;
		return minutes ? `${minutes} min` : `${seconds} s`;
	}

	const countText = number => number.toLocaleString('en');

	function element(tag, text, title) {
		const made = document.createElement(tag);
		if (text !== undefined)
			made.textContent = text;
		if (title)
			made.title = title;
		return made;
	}

	// ---- data

	const mercatorX = e5 => (e5 / 1e5 + 180) / 360;

	function mercatorY(e5) {
		const sine = Math.sin(Math.max(-85.0511, Math.min(85.0511, e5 / 1e5)) * Math.PI / 180);
		return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
	}

	function classOf(speed) {
		return speed < 0 ? UNKNOWN : CLASSES.findIndex(each => speed < each.below);
	}

	// Unpacks the tracks, each [device, time, latitude, longitude, speed, and so on], where all but the speeds are
	// differences from the point before. The points of all tracks are in one array per column.
	function unpack(packed) {
		const count = packed.reduce((sum, row) => sum + (row.length - 1) / 4, 0);
		const points = {count, time: new Float64Array(count), x: new Float64Array(count), y: new Float64Array(count),
			speed: new Int16Array(count), kind: new Uint8Array(count), tracks: []};
		const gap = 10 * MINUTE * data.step;
		let at = 0;
		for (const row of packed) {
			const track = {device: row[0], start: at, end: at + (row.length - 1) / 4};
			let time = 0, latitude = 0, longitude = 0;
			for (let i = 1; i < row.length; i += 4, at++) {
				time += row[i];
				latitude += row[i + 1];
				longitude += row[i + 2];
				points.time[at] = time;
				points.x[at] = mercatorX(longitude);
				points.y[at] = mercatorY(latitude);
				points.speed[at] = row[i + 3];
				points.kind[at] = row[i] > gap && at > track.start ? GAP : classOf(row[i + 3]);
			}
			points.tracks.push(track);
		}
		return points;
	}

	// Makes an event of the map and the table. Latitude and longitude are null if unknown; details are text.
	function event(kind, device, time, end, latitude, longitude, details) {
		const placed = latitude !== null && longitude !== null;
		return {kind, device, time, end, details, placed, x: placed ? mercatorX(longitude) : 0, y: placed ? mercatorY(latitude) : 0};
	}

	function readTrip([device, start, end, latitude, longitude, metres, fastest]) {
		const speed = fastest === null ? '' : `, up to ${fastest} km/h`;
		return event('trip', device, start, end, latitude, longitude,
			`${durationText(end - start)}, ${(metres / 1000).toFixed(1)} km${speed}`);
	}

	function readStop([device, start, end, seconds, latitude, longitude]) {
		return event('stop', device, start, end === null ? start + seconds : end, latitude, longitude,
			durationText(seconds) + (end === null ? ' or more' : ''));
	}

	function readAlarm([device, time, latitude, longitude, alarm, speed]) {
		return event('alarm', device, time, time, latitude, longitude, alarm + (speed === null ? '' : `, ${speed} km/h`));
	}

	function readPhoto([device, time, latitude, longitude, camera, bytes, base64]) {
		const photo = event('photo', device, time, time, latitude, longitude,
			(camera === null ? '' : `camera ${camera}, `) + `${countText(bytes)} bytes` + (base64 ? '' : ', not in this page'));
		photo.base64 = base64;
		return photo;
	}

	function readEvents() {
		const all = [...data.trips.map(readTrip), ...data.stops.map(readStop), ...data.alarms.map(readAlarm),
			...data.photos.map(readPhoto)];
		return all.sort((a, b) => a.time - b.time);
	}

	const points = unpack(data.tracks);
	const events = readEvents();
	const begin = Math.min(points.count ? points.tracks.reduce((least, track) => Math.min(least, points.time[track.start]), Infinity)
		: Infinity, events.length ? events[0].time : Infinity);
	const end = Math.max(points.tracks.reduce((most, track) => Math.max(most, points.time[track.end - 1]), begin),
		events.reduce((most, each) => Math.max(most, each.time), begin));

	// The selection of the user. device null: all; trail: seconds before until.
	const view = {device: null, until: end, trail: Infinity, kinds: new Set(Object.keys(KINDS))};
	const since = () => view.until - view.trail;
	const counters = {points: points.count, drawn: 0, segments: 0, events: events.length, redrawMs: 0};
	const isShown = device => view.device === null || view.device === device;
	const isEventShown = each => view.kinds.has(each.kind) && isShown(each.device) && each.time <= view.until && each.end >= since();

	// ---- map

	const map = L.map('map', {zoomAnimation: false, fadeAnimation: false, maxZoom: 20, minZoom: 1, zoomSnap: 0.5});

	// Returns the index of the first point of the track at or after this time.
	function lowerBound(track, time) {
		let low = track.start, high = track.end;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (points.time[middle] < time)
				low = middle + 1;
			else
				high = middle;
		}
		return low;
	}

	const range = track => [lowerBound(track, since()), lowerBound(track, view.until + 1)];

	// Returns the size of the canvas, and its scale and corner: pixel = place * scale - corner.
	function frameOf() {
		const size = map.getSize(), origin = map.getPixelBounds().min;
		return {width: size.x, height: size.y, scale: 256 * Math.pow(2, map.getZoom()), left: origin.x, top: origin.y};
	}

	function isInside(frame, x, y, margin) {
		return x >= -margin && y >= -margin && x <= frame.width + margin && y <= frame.height + margin;
	}

	// Returns true if the line is beside the canvas.
	function isBeside(frame, x1, y1, x2, y2) {
		return x1 < 0 && x2 < 0 || y1 < 0 && y2 < 0 || x1 > frame.width && x2 > frame.width || y1 > frame.height && y2 > frame.height;
	}

	// Returns the path of this class that takes the next line. Short paths are drawn in a fraction of the time of one long one.
	function pathOf(paths, kind) {
		const all = paths[kind];
		if (all.length === 0 || all[all.length - 1].segments === PATH_MAX)
			all.push({lines: new Path2D(), segments: 0});
		return all[all.length - 1];
	}

	// Adds the lines of a track to the paths of each class. Points within MERGE_PX of the last one are
	// merged into it.
	function trace(track, frame, paths, dots) {
		const [first, last] = range(track);
		const {x: xs, y: ys, kind: kinds} = points;
		let pen = -1, fromX = 0, fromY = 0;
		for (let i = first; i < last; i++) {
			const x = xs[i] * frame.scale - frame.left, y = ys[i] * frame.scale - frame.top;
			if (isInside(frame, x, y, 0)) {
				counters.drawn++;
				if (dots.length < 2 * DOTS_MAX)
					dots.push(x, y);
			}
			if (i > first) {
				if (Math.abs(x - fromX) < MERGE_PX && Math.abs(y - fromY) < MERGE_PX && i + 1 < last)
					continue;
				if (isBeside(frame, fromX, fromY, x, y)) {
					pen = -1;
				} else {
					const path = pathOf(paths, kinds[i]);
					if (pen !== kinds[i] || path.segments === 0)
						path.lines.moveTo(fromX, fromY);
					path.lines.lineTo(x, y);
					path.segments++;
					pen = kinds[i];
					counters.segments++;
				}
			}
			fromX = x;
			fromY = y;
		}
	}

	function drawTracks(context, frame) {
		const paths = CLASSES.map(() => []), dots = [];
		counters.drawn = counters.segments = 0;
		for (const track of points.tracks)
			if (isShown(track.device))
				trace(track, frame, paths, dots);
		context.lineJoin = 'bevel';
		for (const kind of [GAP, UNKNOWN, 0, 1, 2, 3, 4, 5]) {
			context.lineWidth = kind === GAP ? 1 : 3;
			context.strokeStyle = CLASSES[kind].color;
			paths[kind].forEach(path => context.stroke(path.lines));
		}
		if (counters.drawn > DOTS_MAX)
			return;
		context.fillStyle = '#222222';
		for (let i = 0; i < dots.length; i += 2)
			context.fillRect(dots[i] - 1, dots[i + 1] - 1, 2, 2);
	}

	// Of events of a kind close together, only the first is drawn.
	function drawEvents(context, frame) {
		for (const kind of Object.keys(KINDS))
			drawKind(context, frame, events.filter(each => each.kind === kind && each.placed && isEventShown(each)));
	}

	function drawKind(context, frame, wanted) {
		const taken = new Set();
		context.font = 'bold 11px sans-serif';
		context.textAlign = 'center';
		context.textBaseline = 'middle';
		for (const each of wanted) {
			const x = each.x * frame.scale - frame.left, y = each.y * frame.scale - frame.top;
			const cell = `${Math.round(x / 8)} ${Math.round(y / 8)}`;
			if (!isInside(frame, x, y, 10) || taken.has(cell))
				continue;
			taken.add(cell);
			drawSign(context, KINDS[each.kind], x, y);
		}
	}

	function drawSign(context, kind, x, y) {
		context.beginPath();
		context.arc(x, y, kind.sign ? 8 : 4, 0, 2 * Math.PI);
		context.fillStyle = kind.sign ? kind.color : '#ffffff';
		context.fill();
		context.lineWidth = 1.5;
		context.strokeStyle = kind.sign ? '#ffffff' : kind.color;
		context.stroke();
		context.fillStyle = '#ffffff';
		context.fillText(kind.sign, x, y + 0.5);
	}

	// Draws each tracker where it was at the time of the slider.
	function drawTrackers(context, frame) {
		let labels = 0;
		context.font = '12px sans-serif';
		context.textAlign = 'left';
		for (const track of points.tracks) {
			const [first, last] = range(track);
			if (!isShown(track.device) || last === first)
				continue;
			const x = points.x[last - 1] * frame.scale - frame.left, y = points.y[last - 1] * frame.scale - frame.top;
			if (!isInside(frame, x, y, 20))
				continue;
			context.beginPath();
			context.arc(x, y, 6, 0, 2 * Math.PI);
			context.fillStyle = '#111111';
			context.fill();
			context.lineWidth = 2;
			context.strokeStyle = '#ffffff';
			context.stroke();
			if (labels++ < LABELS_MAX)
				drawLabel(context, nameOf(track.device), x + 10, y);
		}
	}

	function drawLabel(context, text, x, y) {
		const short = text.length > 40 ? `${text.slice(0, 39)}\u2026` : text;
		context.lineWidth = 3;
		context.strokeStyle = '#ffffff';
		context.strokeText(short, x, y);
		context.fillStyle = '#111111';
		context.fillText(short, x, y);
	}

	// Draws lines of latitude and longitude, the background without tiles.
	function drawGrid(context, frame) {
		const bounds = map.getBounds(), span = bounds.getEast() - bounds.getWest();
		const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45].find(each => span / each <= 8) || 90;
		const label = value => String(Math.round(value * 1000) / 1000);
		context.lineWidth = 1;
		context.strokeStyle = '#e4e4e4';
		context.fillStyle = '#999999';
		context.font = '11px sans-serif';
		context.textAlign = 'left';
		context.textBaseline = 'top';
		context.beginPath();
		for (let value = Math.ceil(bounds.getWest() / step) * step; value <= bounds.getEast(); value += step) {
			const x = Math.round(mercatorX(value * 1e5) * frame.scale - frame.left) + 0.5;
			context.moveTo(x, 0);
			context.lineTo(x, frame.height);
			context.fillText(`${label(value)}\u00b0`, x + 3, 3);
		}
		for (let value = Math.ceil(Math.max(-85, bounds.getSouth()) / step) * step; value <= Math.min(85, bounds.getNorth()); value += step) {
			const y = Math.round(mercatorY(value * 1e5) * frame.scale - frame.top) + 0.5;
			context.moveTo(0, y);
			context.lineTo(frame.width, y);
			context.fillText(`${label(value)}\u00b0`, 50, y + 2);
		}
		context.stroke();
	}

	const Tracks = L.Layer.extend({
		onAdd() {
			this.canvas = L.DomUtil.create('canvas', 'avld-canvas', map.getPane('overlayPane'));
			map.on('moveend zoom viewreset', this.plan, this);
			map.on('resize', this.redraw, this);
			map.on('move', this.follow, this);
			this.redraw();
		},
		// While the map is dragged, the canvas moves with it; many lines are drawn anew only at its end.
		follow() {
			if (counters.segments <= SEGMENTS_MAX)
				this.plan();
		},
		// Redraws once before the next picture of the browser.
		plan() {
			if (!this.planned)
				this.planned = requestAnimationFrame(() => this.redraw());
		},
		redraw() {
			const start = performance.now(), frame = frameOf(), ratio = window.devicePixelRatio || 1;
			cancelAnimationFrame(this.planned);
			this.planned = 0;
			this.canvas.width = frame.width * ratio;
			this.canvas.height = frame.height * ratio;
			this.canvas.style.width = `${frame.width}px`;
			this.canvas.style.height = `${frame.height}px`;
			L.DomUtil.setPosition(this.canvas, map.containerPointToLayerPoint([0, 0]));
			const context = this.canvas.getContext('2d');
			context.scale(ratio, ratio);
			if (!tiles)
				drawGrid(context, frame);
			drawTracks(context, frame);
			drawEvents(context, frame);
			drawTrackers(context, frame);
			counters.redrawMs = performance.now() - start;
			byId('status').textContent = `${countText(counters.drawn)} points in view`;
		},
	});
	const layer = new Tracks();

	function latLng(x, y) {
		const angle = Math.PI * (1 - 2 * y);
		return L.latLng(Math.atan(Math.sinh(angle)) * 180 / Math.PI, x * 360 - 180);
	}

	function boundsOf(first, last, placed) {
		const bounds = L.latLngBounds([]);
		for (let i = first; i < last; i++)
			bounds.extend(latLng(points.x[i], points.y[i]));
		for (const each of placed)
			bounds.extend(latLng(each.x, each.y));
		return bounds;
	}

	function showBounds(bounds) {
		if (bounds.isValid())
			map.fitBounds(bounds, {maxZoom: 17, padding: [20, 20], animate: false});
	}

	function fitShown() {
		const bounds = boundsOf(0, 0, events.filter(each => each.placed && isShown(each.device)));
		for (const track of points.tracks)
			if (isShown(track.device))
				bounds.extend(boundsOf(track.start, track.end, []));
		showBounds(bounds);
	}

	// ---- details

	function popup(place, lines, time, base64) {
		const content = element('div'), bubble = L.popup({maxWidth: 320, autoPan: false});
		content.className = 'avld-popup';
		lines.forEach((line, i) => content.append(element(i ? 'div' : 'strong', line)));
		content.append(element('div', timeText(time), utcText(time)));
		if (base64) {
			const picture = element('img');
			picture.alt = 'photo';
			picture.addEventListener('load', () => bubble.update());
			picture.src = `data:image/jpeg;base64,${base64}`;
			content.append(picture);
		}
		bubble.setLatLng(place).setContent(content).openOn(map);
	}

	const showEvent = each => popup(latLng(each.x, each.y), [each.kind, nameOf(each.device), each.details], each.time, each.base64);

	function showPoint(track, i) {
		const place = latLng(points.x[i], points.y[i]), speed = points.speed[i];
		popup(place, [nameOf(track.device), speed < 0 ? 'no speed' : `${speed} km/h`,
			`${place.lat.toFixed(5)}, ${place.lng.toFixed(5)}`], points.time[i]);
	}

	// Shows the event nearest to the click, or else the nearest point.
	function onClick(click) {
		const frame = frameOf(), at = click.containerPoint;
		const far = (x, y) => Math.hypot(x * frame.scale - frame.left - at.x, y * frame.scale - frame.top - at.y);
		let best = null, least = REACH_PX;
		for (const each of events)
			if (each.placed && isEventShown(each) && far(each.x, each.y) < least)
				[best, least] = [each, far(each.x, each.y)];
		if (best)
			return showEvent(best);
		for (const track of points.tracks.filter(each => isShown(each.device))) {
			const [first, last] = range(track);
			for (let i = first; i < last; i++) {
				const distance = far(points.x[i], points.y[i]);
				if (distance < least)
					[best, least] = [{track, i}, distance];
			}
		}
		if (best)
			showPoint(best.track, best.i);
		return undefined;
	}

	// Shows an event of the table: a trip whole, anything else in the middle.
	function visit(each) {
		const track = points.tracks.find(other => other.device === each.device);
		setTime(Math.max(view.until, each.end));
		if (each.kind === 'trip' && track)
			showBounds(boundsOf(lowerBound(track, each.time), lowerBound(track, each.end + 1), [each]));
		else if (each.placed)
			map.setView(latLng(each.x, each.y), Math.max(map.getZoom(), 15), {animate: false});
		if (each.placed)
			showEvent(each);
	}

	// ---- controls

	function rowOf(each) {
		const row = element('tr'), time = element('td', timeText(each.time), utcText(each.time));
		row.tabIndex = 0;
		row.append(element('td', each.kind), element('td', nameOf(each.device)), time, element('td', each.details));
		row.addEventListener('click', () => visit(each));
		row.addEventListener('keydown', key => key.key === 'Enter' && visit(each));
		return row;
	}

	// The table has the kinds and the tracker that are selected, at any time.
	function fillTable() {
		const wanted = events.filter(each => view.kinds.has(each.kind) && isShown(each.device));
		byId('rows').replaceChildren(...wanted.slice(0, ROWS_MAX).map(rowOf));
		byId('more').textContent = wanted.length > ROWS_MAX
			? `${countText(wanted.length - ROWS_MAX)} more rows: select a tracker or fewer kinds` : wanted.length ? '' : 'none';
	}

	function setTime(time) {
		view.until = Math.max(begin, Math.min(end, time));
		byId('time').value = view.until - begin;
		byId('now').textContent = timeText(view.until);
		byId('now').title = utcText(view.until);
		layer.plan();
	}

	// Moves the slider from its place, or else from the start, to its end: the whole range takes half a minute.
	function play() {
		const button = byId('play');
		const playing = button.textContent === 'play';
		let last = performance.now();
		const advance = now => {
			if (button.textContent === 'play')
				return;
			setTime(view.until + (end - begin) * (now - last) / 30000);
			last = now;
			if (view.until < end)
				requestAnimationFrame(advance);
			else
				button.textContent = 'play';
		};
		button.textContent = playing ? 'pause' : 'play';
		if (playing && view.until >= end)
			setTime(begin);
		if (playing)
			requestAnimationFrame(advance);
	}

	function addOption(select, value, text) {
		const option = element('option', text);
		option.value = value;
		select.append(option);
	}

	function buildTracker() {
		const select = byId('tracker');
		addOption(select, '', `all ${countText(data.devices.length)}`);
		data.devices.forEach(([id]) => addOption(select, id, nameOf(id)));
		select.addEventListener('change', () => {
			view.device = select.value === '' ? null : Number(select.value);
			fillTable();
			fitShown();
			layer.plan();
		});
	}

	function buildLegend() {
		for (const each of CLASSES) {
			const item = element('span'), line = element('i');
			line.style.background = each.color;
			item.append(line, each.text);
			byId('legend').append(item);
		}
	}

	function buildKinds() {
		for (const [kind, {text, color}] of Object.entries(KINDS)) {
			const label = element('label'), box = element('input');
			box.type = 'checkbox';
			box.checked = true;
			box.addEventListener('change', () => {
				view.kinds[box.checked ? 'add' : 'delete'](kind);
				fillTable();
				layer.plan();
			});
			label.style.color = color;
			label.append(box, ` ${text} (${countText(events.filter(each => each.kind === kind).length)})`);
			byId('kinds').append(label);
		}
	}

	function buildTime() {
		const slider = byId('time'), trail = byId('trail');
		slider.min = 0;
		slider.max = Math.max(1, end - begin);
		slider.step = 1;
		slider.addEventListener('input', () => setTime(begin + Number(slider.value)));
		for (const [text, seconds] of [['whole', Infinity], ['1 day', DAY], ['1 hour', HOUR], ['10 minutes', 10 * MINUTE]])
			addOption(trail, seconds, text);
		trail.addEventListener('change', () => {
			view.trail = Number(trail.value);
			layer.plan();
		});
		byId('play').addEventListener('click', play);
		setTime(end);
	}

	function describe() {
		const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'local time';
		const missing = Object.entries(data.left_out).filter(([, count]) => count > 0);
		byId('range').textContent = `${timeText(data.from)} to ${timeText(data.to)} (${zone})`;
		byId('range').title = `${utcText(data.from)} to ${utcText(data.to)}`;
		byId('totals').textContent = `${countText(points.count)} points of ${data.devices.length === 1 ? '1 tracker'
			: `${countText(data.devices.length)} trackers`}`;
		byId('missing').textContent = missing.length === 0 ? ''
			: `left out: ${missing.map(([what, count]) => `${countText(count)} ${what}`).join(', ')}` +
				(data.step > 1 ? `; about every ${data.step}th point is drawn` : '');
	}

	function addTiles() {
		const host = tiles.replace(/^https?:\/\//, '').replace(/[/?#].*/, '').replace('{s}.', '');
		const osm = /(^|\.)openstreetmap\.org(:|$)/.test(host);
		L.tileLayer(tiles, {maxZoom: 20, maxNativeZoom: 19, attribution: osm ? '\u00a9 OpenStreetMap contributors' : host}).addTo(map);
	}

	map.attributionControl.setPrefix('Leaflet');
	map.setView([0, 0], 2);
	L.control.scale({imperial: false}).addTo(map);
	if (tiles)
		addTiles();
	describe();
	fitShown();
	layer.addTo(map);
	buildTracker();
	buildLegend();
	buildKinds();
	buildTime();
	fillTable();
	layer.redraw();
	map.on('click', onClick);
	window.avldMap = Object.assign(counters, {map, redraw: () => layer.redraw()});
})();
